/** A step found a deviation. The message describes it. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

/** A step does not apply. The message gives the reason. */
export class StepSkipped extends Error {
  override readonly name = 'StepSkipped';
}
