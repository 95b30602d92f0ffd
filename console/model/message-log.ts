import { Observable } from './observable';
import { textOf } from './payload';

/** What a PUBLISH of MQTT 5.0 may say besides. */
export interface MessageProperties {
  readonly payloadFormatIndicator?: boolean;
  /** Seconds that are left. */
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  readonly userProperties?: Readonly<Record<string, string | readonly string[]>>;
  readonly subscriptionIdentifier?: number | readonly number[];
}

/** An application message as it came. */
export interface Message {
  /** Counts what this page has received. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly properties: MessageProperties;
  /** That of the first subscription that it matches. */
  readonly colour: number;
}

export interface LogLimits {
  readonly messages: number;
  /** Of all messages together: payloads, topics and properties. */
  readonly bytes: number;
}

/** The last messages, within limits: the oldest give way. */
export class MessageLog extends Observable {
  private kept: Message[] = [];
  private keptBytes = 0;
  private received = 0;

  constructor(private readonly limits: LogLimits = { messages: 5_000, bytes: 16 * 1024 * 1024 }) {
    super();
  }

  /** Oldest first. The list is the log's own, and changes. */
  get messages(): readonly Message[] {
    return this.kept;
  }

  /** How many there were since the beginning, kept or not. */
  get total(): number {
    return this.received;
  }

  add(message: Omit<Message, 'number'>): Message {
    this.received += 1;
    const numbered = { ...message, number: this.received };
    this.kept.push(numbered);
    this.keptBytes += sizeOf(message);
    this.makeRoom();
    this.changed();
    return numbered;
  }

  clear(): void {
    this.kept = [];
    this.keptBytes = 0;
    this.changed();
  }

  private makeRoom(): void {
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

/** What a message takes, in bytes of its payload and characters of its topic and properties. */
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

/** Those messages of a log that have a text in their topic or payload. Each message is looked at once. */
export class FilteredLog {
  private readonly wanted: string;
  private matching: Message[] = [];
  private seen = 0;

  constructor(
    private readonly log: MessageLog,
    wanted: string,
  ) {
    this.wanted = wanted.trim().toLowerCase();
  }

  /** Oldest first, brought up to date. */
  messages(): readonly Message[] {
    const { messages } = this.log;
    if (this.wanted === '') return messages;
    const firstKept = messages[0]?.number ?? Number.POSITIVE_INFINITY;
    const gone = this.matching.findIndex(({ number }) => number >= firstKept);
    this.matching.splice(0, gone < 0 ? this.matching.length : gone);
    for (let index = Math.max(0, this.seen + 1 - firstKept); index < messages.length; index += 1) {
      const message = messages[index]!;
      if (this.matches(message)) this.matching.push(message);
    }
    this.seen = messages.at(-1)?.number ?? this.seen;
    return this.matching;
  }

  private matches({ topic, payload }: Message): boolean {
    return topic.toLowerCase().includes(this.wanted) || (textOf(payload)?.toLowerCase().includes(this.wanted) ?? false);
  }
}
