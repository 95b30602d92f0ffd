import type { Message } from './message';

/** Order in which a queue delivers its visible messages. */
export interface DeliveryOrder {
  /** Messages that are visible, including those of blocked groups. */
  readonly waiting: number;
  readonly ready: boolean;
  add(message: Message): void;
  take(maxMessages: number): Message[];
  /** Ends the flight of a message that will not return. */
  done(message: Message): void;
  /** Returns messages to the queue, in front of later ones. */
  putBack(messages: readonly Message[]): void;
}

interface Group {
  readonly waiting: Message[];
  inFlight: number;
}

/**
 * SQS FIFO: messages of a group are delivered in order; a group with a message in flight is blocked; a batch may mix
 * groups.
 */
export class FifoOrder implements DeliveryOrder {
  waiting = 0;
  private readonly groups = new Map<string, Group>();
  /** Groups with messages to deliver, longest ready first. */
  private readonly readyGroups = new Set<string>();

  get ready(): boolean {
    return this.readyGroups.size > 0;
  }

  add(message: Message): void {
    const group = this.group(message);
    group.waiting.push(message);
    this.waiting += 1;
    this.refresh(message.group!, group);
  }

  take(most: number): Message[] {
    const taken: Message[] = [];
    for (const name of this.readyGroups) {
      if (taken.length === most) break;
      const group = this.groups.get(name)!;
      const messages = group.waiting.splice(0, most - taken.length);
      group.inFlight = messages.length;
      this.readyGroups.delete(name);
      taken.push(...messages);
    }
    this.waiting -= taken.length;
    return taken;
  }

  done(message: Message): void {
    const group = this.group(message);
    group.inFlight -= 1;
    this.refresh(message.group!, group);
  }

  putBack(messages: readonly Message[]): void {
    for (const message of messages.toReversed()) {
      const group = this.group(message);
      group.inFlight -= 1;
      group.waiting.unshift(message);
      this.waiting += 1;
      this.refresh(message.group!, group);
    }
  }

  private group(message: Message): Group {
    const existing = this.groups.get(message.group!);
    if (existing) return existing;
    const group = { waiting: [], inFlight: 0 };
    this.groups.set(message.group!, group);
    return group;
  }

  private refresh(name: string, group: Group): void {
    if (group.inFlight > 0) return;
    if (group.waiting.length > 0) this.readyGroups.add(name);
    else this.groups.delete(name);
  }
}

/** SQS standard: visible messages, oldest first as long as none fails. */
export class StandardOrder implements DeliveryOrder {
  private readonly messages: Message[] = [];

  get waiting(): number {
    return this.messages.length;
  }

  get ready(): boolean {
    return this.messages.length > 0;
  }

  add(message: Message): void {
    this.messages.push(message);
  }

  take(most: number): Message[] {
    return this.messages.splice(0, most);
  }

  done(): void {}

  putBack(messages: readonly Message[]): void {
    this.messages.push(...messages);
  }
}
