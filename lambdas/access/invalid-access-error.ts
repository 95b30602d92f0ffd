/** The access configuration or a rule is invalid. The message is for its author: the place, the value, and what is allowed. */
export class InvalidAccessError extends Error {
  override readonly name = 'InvalidAccessError';
}
