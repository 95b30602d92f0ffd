/**
 * The error of a network connection, with words. Where a name has several addresses Node gives one error for each of them in
 * an `AggregateError`, whose own message is empty.
 */
export function inWords(error: Error & { errors?: readonly Error[] }): Error {
  const { errors = [] } = error;
  return errors.length === 0 ? error : new Error(errors.map(({ message }) => message).join(', '), { cause: error });
}
