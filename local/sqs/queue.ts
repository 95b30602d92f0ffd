import { randomUUID } from 'node:crypto';
import type { QueueName, QueueSpec } from '../../lambdas/deployment';
import type { Meter } from '../bill';
import type { LocalClock } from '../clock';
import { type DeliveryOrder, FifoOrder, StandardOrder } from './delivery-order';
import { Journal } from './journal';
import { checkMessage, type Message, type NewMessage } from './message';

export interface QueueProps {
  readonly name: QueueName;
  readonly spec: QueueSpec;
  readonly visibilitySeconds: number;
  readonly clock: LocalClock;
  readonly meter: Meter;
  /** File that keeps the messages over a restart. */
  readonly journalPath?: string;
}

export interface Receipt {
  readonly id: string;
  readonly sequence?: string;
  readonly bytes: number;
}

type Entry =
  | { sent: Message }
  | { received: string[] }
  | { deleted: string[] }
  | { dead: string[] }
  | { revived: string[] };

// SQS: a deduplication id is remembered for 5 minutes.
const deduplicationMilliseconds = 5 * 60_000;

/** One imitated queue with its dead letters. */
export class Queue {
  /** Called when a message can be received. */
  onReady: () => void = () => {};
  readonly deadLetters: Message[] = [];
  private readonly order: DeliveryOrder;
  private readonly seen = new Map<string, { until: number; receipt: Receipt }>();
  private readonly journal: Journal<Entry> | undefined;
  private inFlight = 0;
  private delayed = 0;
  private sequence: number;

  constructor(private readonly props: QueueProps) {
    this.order = props.spec.fifo ? new FifoOrder() : new StandardOrder();
    this.sequence = props.clock.now() * 1000;
    this.journal = props.journalPath === undefined ? undefined : new Journal(props.journalPath);
  }

  /** Restores the messages of the earlier process. */
  restore(): void {
    if (!this.journal) return;
    const { alive, dead } = replay(this.journal.read());
    const entries: Entry[] = [...alive, ...dead].map((message) => ({ sent: message }));
    if (dead.length > 0) entries.push({ dead: dead.map(({ id }) => id) });
    this.journal.begin(entries);
    this.deadLetters.push(...dead);
    for (const message of alive) this.enqueue(message);
  }

  /** True when no message is visible or in flight; delayed messages do not count. */
  get idle(): boolean {
    return this.order.waiting === 0 && this.inFlight === 0;
  }

  get ready(): boolean {
    return this.order.ready;
  }

  get counts() {
    return { visible: this.order.waiting, inFlight: this.inFlight, delayed: this.delayed };
  }

  /** Adds a message, which is durable when this returns. A repeated deduplication id returns the first receipt. */
  send(message: NewMessage): Receipt {
    const earlier = this.earlierReceipt(message);
    if (earlier) return earlier;
    const { id, sequence, bytes } = this.sendUnique(message);
    const receipt = { id, sequence, bytes };
    if (message.deduplicationId !== undefined) {
      const until = this.props.clock.now() + deduplicationMilliseconds;
      this.seen.set(deduplicationKey(message), { until, receipt });
    }
    return receipt;
  }

  /** Works like `send` for deduplication ids that are unique by construction, so that none is remembered. */
  sendUnique(message: NewMessage): Receipt {
    const bytes = checkMessage(message, this.props.spec);
    const kept = this.newMessage(message, bytes);
    this.journal?.append({ sent: kept });
    this.enqueue(kept);
    return kept;
  }

  /** Receives a batch of visible messages, each of which must be deleted or returned. */
  receive(): Message[] {
    const messages = this.order.take(this.props.spec.batchSize);
    const now = this.props.clock.now();
    for (const message of messages) {
      message.receives += 1;
      message.firstReceivedAt ??= now;
    }
    this.inFlight += messages.length;
    this.journal?.append({ received: messages.map(({ id }) => id) });
    this.props.meter.received(this.props.name, totalBytes(messages));
    return messages;
  }

  /** Deletes the consumed messages and hides the others until their visibility timeout, which began with `receive`. */
  complete(messages: readonly Message[], failed: readonly Message[], receivedAt: number): void {
    const consumed = failed.length === 0 ? messages : messages.filter((message) => !failed.includes(message));
    if (consumed.length > 0) this.delete(consumed);
    if (failed.length === 0) return;
    const hiddenUntil = receivedAt + this.props.visibilitySeconds * 1000;
    this.props.clock.after(hiddenUntil - this.props.clock.now(), () => this.reappear(failed));
  }

  /** Adds a dead letter that was never in the queue. */
  addDeadLetter(body: string): void {
    const message = { body, attributes: {} };
    const kept = this.newMessage(message, checkMessage(message, this.props.spec));
    this.journal?.append({ sent: kept });
    this.journal?.append({ dead: [kept.id] });
    this.deadLetters.push(kept);
  }

  /** Moves the dead letters back in their order; returns their number. */
  redrive(): number {
    const revived = this.deadLetters.splice(0);
    this.journal?.append({ revived: revived.map(({ id }) => id) });
    for (const message of revived) {
      message.receives = 0;
      this.enqueue(message);
    }
    return revived.length;
  }

  close(): void {
    this.journal?.close();
  }

  private newMessage({ delaySeconds = 0, ...message }: NewMessage, bytes: number): Message {
    const sentAt = this.props.clock.now();
    const sequence = this.props.spec.fifo ? this.nextSequence() : undefined;
    const visibleAt = sentAt + delaySeconds * 1000;
    return { ...message, bytes, id: randomUUID(), sequence, sentAt, visibleAt, receives: 0 };
  }

  private delete(consumed: readonly Message[]): void {
    this.props.meter.deleted(this.props.name);
    this.journal?.append({ deleted: consumed.map(({ id }) => id) });
    this.leave(consumed);
    if (this.idle && this.delayed === 0 && this.deadLetters.length === 0) this.journal?.clearIfLong();
  }

  private leave(messages: readonly Message[]): void {
    this.inFlight -= messages.length;
    for (const message of messages) this.order.done(message);
    if (this.order.ready) this.onReady();
  }

  private reappear(messages: readonly Message[]): void {
    const dead = messages.filter(({ receives }) => receives >= this.props.spec.maxReceives);
    if (dead.length > 0) this.addDeadLetters(dead);
    const alive = messages.filter((message) => !dead.includes(message));
    this.inFlight -= alive.length;
    this.order.putBack(alive);
    if (this.order.ready) this.onReady();
  }

  private addDeadLetters(messages: readonly Message[]): void {
    this.journal?.append({ dead: messages.map(({ id }) => id) });
    this.deadLetters.push(...messages);
    this.leave(messages);
  }

  private enqueue(message: Message): void {
    const delay = message.visibleAt - this.props.clock.now();
    if (delay <= 0) {
      this.makeVisible(message);
    } else {
      this.delayed += 1;
      this.props.clock.after(delay, () => this.endDelay(message));
    }
  }

  private endDelay(message: Message): void {
    this.delayed -= 1;
    this.makeVisible(message);
  }

  private makeVisible(message: Message): void {
    this.order.add(message);
    if (this.order.ready) this.onReady();
  }

  private earlierReceipt(message: NewMessage): Receipt | undefined {
    if (message.deduplicationId === undefined) return undefined;
    const now = this.props.clock.now();
    for (const [key, { until }] of this.seen) {
      if (until > now) break;
      this.seen.delete(key);
    }
    return this.seen.get(deduplicationKey(message))?.receipt;
  }

  /** Returns twenty digits that grow, also over a restart. */
  private nextSequence(): string {
    this.sequence += 1;
    return `188${String(this.sequence).padStart(17, '0')}`;
  }
}

/** Replays a journal: the remaining messages, in the order they were sent. */
function replay(entries: readonly Entry[]): { alive: Message[]; dead: Message[] } {
  const alive = new Map<string, Message>();
  const dead: Message[] = [];
  for (const entry of entries) {
    if ('sent' in entry) alive.set(entry.sent.id, entry.sent);
    else if ('received' in entry) for (const id of entry.received) alive.get(id)!.receives += 1;
    else if ('deleted' in entry) for (const id of entry.deleted) alive.delete(id);
    else if ('revived' in entry) for (const message of takeOut(dead, entry.revived)) alive.set(message.id, message);
    else {
      for (const id of entry.dead) {
        dead.push(alive.get(id)!);
        alive.delete(id);
      }
    }
  }
  return { alive: [...alive.values()], dead };
}

/** Removes dead letters, and returns them as if they had never been received. */
function takeOut(dead: Message[], ids: readonly string[]): Message[] {
  const revived = dead.filter(({ id }) => ids.includes(id));
  dead.splice(0, dead.length, ...dead.filter((message) => !revived.includes(message)));
  return revived.map((message) => ({ ...message, receives: 0 }));
}

/** The deployed queue deduplicates within a message group. */
function deduplicationKey({ group = '', deduplicationId = '' }: NewMessage): string {
  return `${group} ${deduplicationId}`;
}

function totalBytes(messages: readonly Message[]): number {
  return messages.reduce((total, { bytes }) => total + bytes, 0);
}
