import type { SQSEvent, SQSRecord } from 'aws-lambda';
import type { RuleEvent } from '../bridge/incoming';

/** Record that Lambda sends to the failure destination after the last attempt at an event. */
interface FailedInvocation {
  readonly requestPayload: RuleEvent;
}

/** Record of the error action of a rule. It contains the message without its properties. */
interface FailedAction {
  readonly ruleName: string;
  readonly topic: string;
  readonly base64OriginalPayload: string;
}

export function isQueued(event: RuleEvent | SQSEvent): event is SQSEvent {
  return 'Records' in event;
}

/** Reads a record of the queue: a message of `bridge sync`, or one that was redriven from the dead-letter queue. */
export function toRuleEvent({ body, messageId }: SQSRecord): RuleEvent {
  const content = JSON.parse(body) as RuleEvent | FailedInvocation | FailedAction;
  if ('requestPayload' in content) return content.requestPayload;
  if (!('base64OriginalPayload' in content)) return content;
  return { payload: content.base64OriginalPayload, topic: content.topic, id: messageId };
}
