import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionName } from '../../lambdas/deployment';
import type { Bill } from '../../local/bill';
import type { CloudOptions } from '../../local/cloud-options';
import type { Client5, ConnectFields } from '../support/client5';
import { GuardedBroker } from '../support/guarded-broker';

/** What an attack makes the operator pay, by line; `lines` are those of the log. */
export interface Toll {
  readonly frames: number;
  readonly posts: number;
  readonly requests: number;
  readonly invocations: number;
  readonly reads: number;
  readonly writes: number;
  readonly lines: number;
}

/** 99th percentiles of the time from a publish of the calm pair until its subscriber has the message, milliseconds. */
export interface Pace {
  readonly calm: number;
  readonly beside: number;
  /** Messages of the pair beside the attack. */
  readonly messages: number;
}

/** Milliseconds of each DynamoDB call, so that calls in sequence take their time. */
const latency = 4;

/** How often it is measured what the talk of the pair costs. */
const measurementsOfCalm = 8;

/** Messages of the calm pair from which its usual pace is known. */
const messagesForPace = 50;

/** The pair may be slowed down by this factor; a shorter time than `noise` milliseconds tells nothing on a busy machine. */
const slowedBy = 3;
const noise = 400;

/** Seconds, longer than `connectTimeout`. */
export const tooLong = 11;

/** Messages of the calm pair beside each attack. */
const messagesBeside = 3;

/**
 * A guarded broker with two clients that mean no harm, one publishing and one subscribed. Whatever hostile clients do, these two go on:
 * nothing they say may be lost, and neither may be disconnected.
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

  /** `access` is for everybody but the user `calm`, who may do everything. */
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

  /** Somebody with credentials of its own, who may do what `access` says. */
  addDevice(username: string): Promise<void> {
    return this.guarded.addUser(username, passwordOf(username), { rules: [] });
  }

  /** A client of a device. */
  enter(username: string, clientId: string, fields: ConnectFields = {}): Promise<Client5> {
    return this.guarded.broker.connect(clientId, { ...login(username), ...fields });
  }

  /** Sockets that have said nothing yet. */
  strangers(count: number): Promise<Client5[]> {
    return Promise.all(Array.from({ length: count }, () => this.guarded.broker.open()));
  }

  /** Lets time go by, and whatever falls due meanwhile happen. */
  async elapse(seconds: number): Promise<void> {
    await this.cloud.settled();
    this.cloud.clock.jump(seconds * 1000);
    await sleep(5); // timers fire in the next turn
    await this.cloud.settled();
  }

  /**
   * Lets hostile clients do `attack` while the calm pair talks, and then so much time go by that every stranger's is over. Returns
   * what one of `units` costs, beside the talk.
   *
   * @throws Error when anybody calm is hurt, or a turn failed.
   */
  async endure(units: number, attack: () => Promise<unknown>): Promise<Toll> {
    await this.elapse(tooLong); // whoever came before has had its time
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
   * Lets hostile clients do `attack` while the calm pair talks without a pause. Returns how fast the pair was.
   *
   * @throws Error when a message of the pair is lost or one of the pair is disconnected, when the pair's 99th percentile is more
   * than three times the usual one, or when a message of the pair costs more after the attack than before.
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

  /** @throws Error when a message of the pair costs more than it did before anybody attacked. */
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

  /** What was logged under a name while `attack` went on. */
  async loggedDuring(event: string, attack: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
    const before = this.guarded.logged(event).length;
    await attack();
    await this.cloud.settled();
    return this.guarded.logged(event).slice(before);
  }

  /** Says a few things at QoS 1 and hears all of them. */
  private async talk(): Promise<void> {
    await this.talkFor(messagesBeside);
  }

  /** Publishes so many messages one after the other, and more until `end`. Returns the milliseconds that each took. */
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

  /** The most that the talk of the pair costs, by line: now and then a container reads again what it has remembered for some time. */
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

/** The lines of a bill that are above their bound, or the empty object. */
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
