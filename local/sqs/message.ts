import { hash } from 'node:crypto';

export interface MessageAttribute {
  readonly dataType: string;
  readonly stringValue: string;
}

/** A message as the sender passes it. */
export interface NewMessage {
  readonly body: string;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  readonly group?: string;
  readonly deduplicationId?: string;
  readonly delaySeconds?: number;
}

/** A message in a queue. */
export interface Message {
  readonly id: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  readonly group?: string;
  readonly deduplicationId?: string;
  readonly sequence?: string;
  readonly sentAt: number;
  readonly visibleAt: number;
  /** In SQS's metering units. */
  readonly bytes: number;
  receives: number;
  firstReceivedAt?: number;
}

/** A request that SQS refuses. */
export class SqsError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

// SQS: bodies contain only characters that are legal in XML.
const illegal = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

// SQS: group and deduplication ids consist of ASCII letters, digits and punctuation.
const identifier = /^[!-~]{1,128}$/;

// SQS: 1 MiB since 2025, attributes included.
const largestMessage = 1024 * 1024;

/**
 * Returns the size of a message in bytes.
 *
 * @throws SqsError when SQS would refuse it
 */
export function checkMessage(message: NewMessage, { fifo }: { readonly fifo: boolean }): number {
  if (message.body.length === 0) throw new SqsError('MissingParameter', 'the message body must not be empty');
  if (illegal.test(message.body)) throw new SqsError('InvalidMessageContents', 'the body has characters not allowed');
  const bytes = messageBytes(message);
  if (bytes > largestMessage) throw invalid('message is longer than 1048576 bytes');
  if (fifo) checkFifo(message);
  else checkStandard(message);
  return bytes;
}

function checkFifo({ group, deduplicationId, delaySeconds }: NewMessage): void {
  if (!group) throw new SqsError('MissingParameter', 'the request must contain the parameter MessageGroupId');
  if (!deduplicationId) throw invalid('the queue should have a MessageDeduplicationId provided explicitly');
  checkIdentifier('MessageGroupId', group);
  checkIdentifier('MessageDeduplicationId', deduplicationId);
  if (delaySeconds) throw invalid('DelaySeconds is not allowed for a message of a FIFO queue');
}

function checkIdentifier(name: string, value: string): void {
  if (identifier.test(value)) return;
  throw invalid(`${name} is ${JSON.stringify(value)}, but must be 1 to 128 letters, digits and punctuation`);
}

function checkStandard({ delaySeconds = 0 }: NewMessage): void {
  if (!Number.isInteger(delaySeconds) || delaySeconds < 0 || delaySeconds > 900) {
    throw invalid(`DelaySeconds is ${delaySeconds}, but must be from 0 to 900`);
  }
}

function invalid(message: string): SqsError {
  return new SqsError('InvalidParameterValue', message);
}

/** Returns the size that SQS meters: body and attributes, in bytes. */
export function messageBytes({ body, attributes }: NewMessage): number {
  let bytes = Buffer.byteLength(body);
  for (const name in attributes) {
    const { dataType, stringValue } = attributes[name]!;
    bytes += name.length + dataType.length + Buffer.byteLength(stringValue);
  }
  return bytes;
}

export function md5(text: string): string {
  return hash('md5', text, 'hex');
}
