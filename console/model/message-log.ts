import { Observable } from './observable';
import { decodeText } from './payload';

/** Properties of a PUBLISH, MQTT 5.0 only. */
export interface MessageProperties {
  readonly payloadFormatIndicator?: boolean;
  /** Remaining seconds. */
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  readonly userProperties?: Readonly<Record<string, string | readonly string[]>>;
  readonly subscriptionIdentifier?: number | readonly number[];
}

/** Received application message. */
export interface Message {
  /** Sequence number among the messages that this page has received, from 1. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly properties: MessageProperties;
  /** Colour of the first subscription that matches. */
  readonly colour: number;
}

export interface LogLimits {
  readonly messages: number;
  /** Total size of all messages, see `sizeOf`. */
  readonly bytes: number;
}

/** Log of the last messages. Drops the oldest messages above its limits. */
export class MessageLog extends Observable {
  private kept: Message[] = [];
  private keptBytes = 0;
  private received = 0;

  constructor(private readonly limits: LogLimits = { messages: 5_000, bytes: 16 * 1024 * 1024 }) {
    super();
  }

  /** Messages, oldest first. The log changes this array in place. */
  get messages(): readonly Message[] {
    return this.kept;
  }

  /** Number of all received messages, dropped ones included. */
  get total(): number {
    return this.received;
  }

  add(message: Omit<Message, 'number'>): Message {
    this.received += 1;
    const numbered = { ...message, number: this.received };
    this.kept.push(numbered);
    this.keptBytes += sizeOf(message);
    this.dropOldest();
    this.changed();
    return numbered;
  }

  clear(): void {
    this.kept = [];
    this.keptBytes = 0;
    this.changed();
  }

  private dropOldest(): void {
    let excess = 0;
    while (this.kept.length - excess > this.limits.messages || this.keptBytes > this.limits.bytes) {
      const oldest = this.kept[excess];
      if (!oldest) break;
      this.keptBytes -= sizeOf(oldest);
      excess += 1;
    }
    if (excess > 0) this.kept.splice(0, excess);
  }
}

/** Estimates the size of a message: bytes of its payload, characters of its topic and properties. */
export function sizeOf({ topic, payload, properties }: Omit<Message, 'number'>): number {
  const { contentType = '', responseTopic = '', correlationData, userProperties = {} } = properties;
  const texts = Object.entries(userProperties).flatMap(([name, values]) =>
    [values].flat().map((value) => name + value),
  );
  const ofUser = texts.reduce((sum, text) => sum + text.length, 0);
  return (
    payload.length + topic.length + contentType.length + responseTopic.length + (correlationData?.length ?? 0) + ofUser
  );
}

/** Messages of a log with a text in their topic or payload. Checks each message only once. */
export class FilteredLog {
  private readonly searchText: string;
  private matching: Message[] = [];
  private lastChecked = 0;

  constructor(
    private readonly log: MessageLog,
    wanted: string,
  ) {
    this.searchText = wanted.trim().toLowerCase();
  }

  /** Returns the matching messages, oldest first, with those that have arrived since the last call. */
  messages(): readonly Message[] {
    const { messages } = this.log;
    if (this.searchText === '') return messages;
    const firstKept = messages[0]?.number ?? Number.POSITIVE_INFINITY;
    const firstValid = this.matching.findIndex(({ number }) => number >= firstKept);
    this.matching.splice(0, firstValid < 0 ? this.matching.length : firstValid);
    for (let index = Math.max(0, this.lastChecked + 1 - firstKept); index < messages.length; index += 1) {
      const message = messages[index]!;
      if (this.matches(message)) this.matching.push(message);
    }
    this.lastChecked = messages.at(-1)?.number ?? this.lastChecked;
    return this.matching;
  }

  private matches({ topic, payload }: Message): boolean {
    return (
      topic.toLowerCase().includes(this.searchText) ||
      (decodeText(payload)?.toLowerCase().includes(this.searchText) ?? false)
    );
  }
}
