import { attributes } from '../lambdas/deployment';

/** Mapping template for a text frame: sends it to the packets queue. */
export const frameTemplate = sendMessage('message', '$util.urlEncode($input.body)');

/** Mapping template for `$disconnect`: sends a message after the last frame. SQS requires a body, and the event has none. */
export const disconnectTemplate = sendMessage('disconnect', 'disconnect');

/**
 * Returns an SQS SendMessage call as a form body in API Gateway's template language. Values that can contain `+`, `/` or `=` are
 * URL-encoded: base64 and ids can, the two timestamps cannot. Clients must not be able to set the message group or attributes, because
 * they could change the order of frames; the gateway sets both from its own context.
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
    'MessageGroupId=$util.urlEncode($context.connectionId)', // keeps frames of one connection in order [MQTT-4.6.0-5]
    'MessageDeduplicationId=$util.urlEncode($context.requestId)', // unique per frame: equal frames are not duplicates
    ...Object.entries(values).flatMap(([name, value], index) => attribute(index + 1, name, value)),
    `MessageBody=${body}`,
  ].join('&');
}

function attribute(position: number, name: string, value: string): string[] {
  const prefix = `MessageAttribute.${position}`;
  return [`${prefix}.Name=${name}`, `${prefix}.Value.DataType=String`, `${prefix}.Value.StringValue=${value}`];
}
