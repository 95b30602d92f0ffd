import { attributes } from '../lambdas/deployment';

/** Turns a text frame into a message of the packet queue. */
export const frameTemplate = sendMessage('message', '$util.urlEncode($input.body)');

/** Turns the end of a connection into a message behind its last frame. SQS wants a body, and this event has none. */
export const disconnectTemplate = sendMessage('disconnect', 'disconnect');

/**
 * An SQS SendMessage call as a form body, in API Gateway's template language. What may hold `+`, `/` or `=` is
 * url-encoded: base64 does, and so do the ids; the two times are plain digits. The gateway alone chooses group and
 * attributes; a client that could would choose its own order.
 */
function sendMessage(event: 'message' | 'disconnect', body: string): string {
  const values = {
    [attributes.event]: event,
    [attributes.connectedAt]: '$context.connectedAt',
    [attributes.receivedAt]: '$context.requestTimeEpoch',
    [attributes.address]: '$util.urlEncode($context.identity.sourceIp)', // an IPv6 address has colons
  };
  return [
    'Action=SendMessage',
    'MessageGroupId=$util.urlEncode($context.connectionId)', // frames of one connection stay in order [MQTT-4.6.0-5]
    'MessageDeduplicationId=$util.urlEncode($context.requestId)', // unique per frame: equal frames are not duplicates
    ...Object.entries(values).flatMap(([name, value], index) => attribute(index + 1, name, value)),
    `MessageBody=${body}`,
  ].join('&');
}

function attribute(position: number, name: string, value: string): string[] {
  const prefix = `MessageAttribute.${position}`;
  return [`${prefix}.Name=${name}`, `${prefix}.Value.DataType=String`, `${prefix}.Value.StringValue=${value}`];
}
