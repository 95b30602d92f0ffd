/**
 * An error of a network connection with a message. If a host name has several addresses, Node reports an `AggregateError` with
 * an error for each address and an empty message of its own.
 */
export function withMessage(error: Error & { errors?: readonly Error[] }): Error {
  const { errors = [] } = error;
  return errors.length === 0 ? error : new Error(errors.map(({ message }) => message).join(', '), { cause: error });
}
