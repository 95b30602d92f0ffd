/** Error names by which AWS services refuse a call because there were too many. */
const throttlingErrors: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'KmsThrottled',
  'ThrottlingException',
]);

export function isThrottling({ name }: Error): boolean {
  return throttlingErrors.has(name);
}
