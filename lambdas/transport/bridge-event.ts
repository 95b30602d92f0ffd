import type { SQSEvent, SQSRecord } from 'aws-lambda';
import type { RuleEvent } from '../bridge/rule-event';

/** What Lambda writes to its destination for an event that failed every attempt. */
interface FailedInvocation {
  readonly requestPayload: RuleEvent;
}

/** What a rule writes when its action failed: the message, without its properties. */
interface FailedAction {
  readonly ruleName: string;
  readonly topic: string;
  readonly base64OriginalPayload: string;
}

export function isQueued(event: RuleEvent | SQSEvent): event is SQSEvent {
  return 'Records' in event;
}

/** A record of the queue: a message that was synchronised, or one that came back from the dead letters. */
export function toRuleEvent({ body, messageId }: SQSRecord): RuleEvent {
  const said = JSON.parse(body) as RuleEvent | FailedInvocation | FailedAction;
  if ('requestPayload' in said) return said.requestPayload;
  if (!('base64OriginalPayload' in said)) return said;
  return { payload: said.base64OriginalPayload, topic: said.topic, id: messageId };
}
