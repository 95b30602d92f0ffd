import { Arn, type Stack } from 'aws-cdk-lib';
import { eventsVariable } from '../lambdas/deployment';
import { readEventsFile } from '../lambdas/events/events-file';

/** The EventBridge bus that events are sent to, and the environment variable with the events configuration. */
export interface EventTarget {
  readonly variable: Record<string, string>;
  readonly busArn: string;
}

/**
 * Reads the events file (docs/events.md); undefined if `file` is empty.
 *
 * @param remainingBytes bytes that access and bridge configuration leave; Lambda allows 4 KB for all variables of a function
 * @throws Error if the file cannot be read, is invalid, or is larger than `remainingBytes` as JSON
 */
export function eventTargetOf(file: string, stack: Stack, remainingBytes: number): EventTarget | undefined {
  if (file === '') return undefined;
  const config = readEventsFile(file);
  const text = JSON.stringify(config);
  if (text.length > remainingBytes) {
    throw new Error(
      `${file} is ${text.length} bytes as JSON, but the environment of the functions has room for ${remainingBytes}`,
    );
  }
  const { bus } = config;
  const busArn = bus.startsWith('arn:')
    ? bus
    : Arn.format({ service: 'events', resource: 'event-bus', resourceName: bus }, stack);
  return { variable: { [eventsVariable]: text }, busArn };
}
