import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionName } from '../../lambdas/deployment';
import type { Bill } from '../../local/bill';
import type { CloudOptions } from '../../local/cloud-options';
import type { Client5, ConnectFields } from '../support/client5';
import { GuardedBroker } from '../support/guarded-broker';

/** Cost of an attack to the operator by kind; `lines` are log lines. */
export interface Toll {
  readonly frames: number;
  readonly posts: number;
  readonly requests: number;
  readonly invocations: number;
  readonly reads: number;
  readonly writes: number;
  readonly lines: number;
}

/** 99th percentiles of the end-to-end latency of the calm pair in milliseconds. */
export interface Pace {
  readonly calm: number;
  readonly beside: number;
  /** Messages of the pair during the attack. */
  readonly messages: number;
}

/** Latency of each DynamoDB call in milliseconds, so that sequential calls are slow. */
const latency = 4;

/** Number of measurements of the cost of the pair's messages. */
const measurementsOfCalm = 8;

/** Messages of the calm pair that determine its usual latency. */
const messagesForPace = 50;

/** Maximum factor between latencies of the pair; latencies below `noise` milliseconds are ignored, because the machine may be busy. */
const slowedBy = 3;
const noise = 400;

/** Seconds, longer than `connectTimeout`. */
export const tooLong = 11;

/** Messages of the calm pair during each attack. */
const messagesBeside = 3;

/**
 * A guarded broker with a calm pair of clients: a publisher and a subscriber. While hostile clients attack, the pair must lose no message
 * and neither client may be disconnected.
 */
export class Battlefield {
  private said = 0;
  private ofCalm: Toll | undefined;
  private dearestCalm: Toll | undefined;
  private calmPace = 0;

  private constructor(
    readonly guarded: GuardedBroker,
    private readonly publisher: Client5,
    private readonly subscriber: Client5,
  ) {}

  /** `access` applies to everyone except the user `calm`, which may do everything. */
  static async start(access: object, options: CloudOptions = {}): Promise<Battlefield> {
    const guarded = await GuardedBroker.start(access, { dynamodbLatency: latency, ...options });
    await guarded.addUser('calm', passwordOf('calm'));
    const join = (clientId: string) => guarded.broker.connect(clientId, { keepalive: 540, ...login('calm') });
    const [publisher, subscriber] = [await join('calm-publisher'), await join('calm-subscriber')];
    await subscriber.subscribe({ topic: 'calm/+', qos: 1 });
    const field = new Battlefield(guarded, publisher, subscriber);
    await field.talk();
    field.ofCalm = await field.measure(() => field.talk());
    field.dearestCalm = await field.dearestOf(measurementsOfCalm);
    field.calmPace = percentile99(await field.talkFor(messagesForPace));
    return field;
  }

  get cloud() {
    return this.guarded.cloud;
  }

  stop(): Promise<void> {
    return this.guarded.stop();
  }

  /** Adds a user with credentials of its own and the permissions of `access`. */
  addDevice(username: string): Promise<void> {
    return this.guarded.addUser(username, passwordOf(username), { rules: [] });
  }

  /** Connects a client with the credentials of a device. */
  enter(username: string, clientId: string, fields: ConnectFields = {}): Promise<Client5> {
    return this.guarded.broker.connect(clientId, { ...login(username), ...fields });
  }

  /** Opens sockets without CONNECT. */
  strangers(count: number): Promise<Client5[]> {
    return Promise.all(Array.from({ length: count }, () => this.guarded.broker.open()));
  }

  /** Moves the clock on and lets all due timers run. */
  async elapse(seconds: number): Promise<void> {
    await this.cloud.settled();
    this.cloud.clock.jump(seconds * 1000);
    await sleep(5); // timers fire in the next turn
    await this.cloud.settled();
  }

  /**
   * Runs `attack` while the calm pair exchanges messages, then moves the clock past every connect timeout. Returns the cost of one of
   * `units`, without the pair's messages.
   *
   * @throws Error if the pair loses a message or a connection, or if a turn fails.
   */
  async endure(units: number, attack: () => Promise<unknown>): Promise<Toll> {
    await this.elapse(tooLong); // the connect timeouts of earlier clients pass
    const toll = await this.measure(async () => {
      await Promise.all([attack(), this.talk()]);
      await this.elapse(tooLong);
    });
    await this.checkBill();
    const [failed] = this.guarded.logged('turn failed');
    if (failed) throw new Error(`a turn failed: ${failed.error}`);
    const { ofCalm } = this;
    return mapToll(toll, (name) => Math.max(0, (toll[name] - (ofCalm?.[name] ?? 0)) / units));
  }

  /**
   * Runs `attack` while the calm pair exchanges messages without a pause. Returns the latency of the pair.
   *
   * @throws Error if a message of the pair is lost or one of the pair is disconnected, if the pair's 99th percentile is more
   * than three times the usual one, or if a message of the pair costs more after the attack than before.
   */
  async keepPace(attack: () => Promise<unknown>): Promise<Pace> {
    const hostile = new AbortController();
    const attacked = attack().finally(() => hostile.abort());
    const times = await this.talkFor(1, hostile.signal);
    await attacked;
    const pace = { calm: this.calmPace, beside: percentile99(times), messages: times.length };
    if (pace.beside > slowedBy * Math.max(pace.calm, noise)) throw new Error(`slowed down: ${JSON.stringify(pace)}`);
    await this.checkBill();
    return pace;
  }

  /** @throws Error if a message of the pair costs more than before the attack. */
  async checkBill(): Promise<void> {
    const { dearestCalm } = this;
    const isDearer = (toll: Toll, name: 'reads' | 'writes' | 'posts') => toll[name] > (dearestCalm?.[name] ?? 0);
    let now = await this.measure(() => this.talk());
    const dearerIn = (toll: Toll) => (['reads', 'writes', 'posts'] as const).filter((name) => isDearer(toll, name));
    if (dearerIn(now).length > 0) now = await this.measure(() => this.talk()); // two containers may have read an account again
    const dearer = dearerIn(now);
    if (dearer.length > 0) {
      throw new Error(`${dearer.join(', ')} of the pair have grown: ${JSON.stringify({ dearestCalm, now })}`);
    }
  }

  /** Returns the log entries of an event during `attack`. */
  async loggedDuring(event: string, attack: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
    const before = this.guarded.logged(event).length;
    await attack();
    await this.cloud.settled();
    return this.guarded.logged(event).slice(before);
  }

  /** Publishes a few QoS 1 messages and receives all of them. */
  private async talk(): Promise<void> {
    await this.talkFor(messagesBeside);
  }

  /** Publishes `count` messages in sequence, and more until `end`. Returns the milliseconds of each. */
  private async talkFor(messages: number, end?: AbortSignal): Promise<number[]> {
    const times: number[] = [];
    while (times.length < messages || end?.aborted === false) {
      const text = `message ${++this.said}`;
      const start = performance.now();
      const hearing = this.subscriber.hear().then((heard) => ({ heard, time: performance.now() - start }));
      const [{ heard, time }] = await Promise.all([hearing, this.publisher.publish('calm/a', text, { qos: 1 })]);
      if (heard.text !== text) throw new Error(`${text} was lost, there is ${heard.text}`);
      times.push(time);
    }
    return times;
  }

  /** Returns the maximum cost of the pair's messages by kind. Containers refresh their caches now and then. */
  private async dearestOf(measurements: number): Promise<Toll> {
    const tolls: Toll[] = [];
    while (tolls.length < measurements) {
      await this.elapse(tooLong);
      tolls.push(await this.measure(() => this.talk()));
    }
    return mapToll(tolls[0]!, (name) => Math.max(...tolls.map((toll) => toll[name])));
  }

  private async measure(what: () => Promise<unknown>): Promise<Toll> {
    const before = await this.counts();
    await what();
    const after = await this.counts();
    return mapToll(after, (name) => after[name] - before[name]);
  }

  private async counts(): Promise<Toll> {
    await this.cloud.settled();
    return { ...countsOf(await this.cloud.bill()), lines: this.guarded.lines.length };
  }
}

function percentile99(times: readonly number[]): number {
  const sorted = [...times].sort((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
}

export function login(username: string) {
  return { username, password: Buffer.from(passwordOf(username)) };
}

function passwordOf(username: string): string {
  return `password of ${username}`;
}

/** Returns the costs above their limits; `{}` if there are none. */
export function above(toll: Toll, bounds: Partial<Toll>): Partial<Toll> {
  const lines = Object.entries(bounds) as [keyof Toll, number][];
  return Object.fromEntries(lines.filter(([name, bound]) => toll[name] > bound).map(([name]) => [name, toll[name]]));
}

function countsOf({ gateway, sqs, lambda, dynamodb }: Bill): Omit<Toll, 'lines'> {
  const { frames, posts } = gateway;
  const { reads, writes } = dynamodb;
  const counted = (Object.keys(lambda.functions) as FunctionName[]).filter((name) => name !== 'onSchedule'); // runs anyway
  const invocations = counted.reduce((sum, name) => sum + lambda.functions[name].invocations, 0);
  return { frames, posts, requests: sqs.requests, invocations, reads, writes };
}

function mapToll(toll: Toll, value: (name: keyof Toll) => number): Toll {
  const names = Object.keys(toll) as (keyof Toll)[];
  return Object.fromEntries(names.map((name) => [name, value(name)])) as unknown as Toll;
}
