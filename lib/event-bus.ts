import { Arn, type Stack } from 'aws-cdk-lib';
import { eventsVariable } from '../lambdas/deployment';
import { readEventsFile } from '../lambdas/events/events-file';

/** An EventBridge bus that is told of clients and messages. */
export interface EventTarget {
  readonly variable: Record<string, string>;
  readonly busArn: string;
}

/**
 * What a file of an operator says; nothing when there is none. `room`: bytes that access and bridge have left, because Lambda
 * allows 4 KB for all variables of a function together.
 */
export function eventTargetOf(file: string, stack: Stack, room: number): EventTarget | undefined {
  if (file === '') return undefined;
  const config = readEventsFile(file);
  const text = JSON.stringify(config);
  if (text.length > room) {
    throw new Error(
      `${file} is ${text.length} bytes as JSON, but the environment of the functions has room for ${room}`,
    );
  }
  const { bus } = config;
  const busArn = bus.startsWith('arn:')
    ? bus
    : Arn.format({ service: 'events', resource: 'event-bus', resourceName: bus }, stack);
  return { variable: { [eventsVariable]: text }, busArn };
}
