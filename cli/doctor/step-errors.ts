/** The address does otherwise than it should; the message says how. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

/** There is nothing to examine here; the message says why. */
export class NotApplicable extends Error {
  override readonly name = 'NotApplicable';
}
