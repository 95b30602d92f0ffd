import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionName } from '../../lambdas/deployment';
import type { Bill } from '../../local/bill';
import type { CloudOptions } from '../../local/cloud';
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

  private constructor(
    readonly guarded: GuardedBroker,
    private readonly publisher: Client5,
    private readonly subscriber: Client5,
  ) {}

  /** `access` is for everybody but the user `calm`, who may do everything. */
  static async start(access: object, options: CloudOptions = {}): Promise<Battlefield> {
    const guarded = await GuardedBroker.start(access, options);
    await guarded.addUser('calm', passwordOf('calm'));
    const join = (clientId: string) => guarded.broker.connect(clientId, { keepalive: 540, ...login('calm') });
    const [publisher, subscriber] = [await join('calm-publisher'), await join('calm-subscriber')];
    await subscriber.subscribe({ topic: 'calm/+', qos: 1 });
    const field = new Battlefield(guarded, publisher, subscriber);
    await field.talk();
    field.ofCalm = await field.measure(() => field.talk());
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
    await this.talk();
    const [failed] = this.guarded.logged('turn failed');
    if (failed) throw new Error(`a turn failed: ${failed.error}`);
    const { ofCalm } = this;
    return mapToll(toll, (name) => Math.max(0, (toll[name] - (ofCalm?.[name] ?? 0)) / units));
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
    for (let count = 0; count < messagesBeside; count++) {
      const text = `message ${++this.said}`;
      const [heard] = await Promise.all([this.subscriber.hear(), this.publisher.publish('calm/a', text, { qos: 1 })]);
      if (heard.text !== text) throw new Error(`${text} was lost, there is ${heard.text}`);
    }
  }

  private async measure(what: () => Promise<unknown>): Promise<Toll> {
    await this.cloud.settled();
    await this.cloud.resetBill();
    const before = this.guarded.lines.length;
    await what();
    await this.cloud.settled();
    return { ...countsOf(await this.cloud.bill()), lines: this.guarded.lines.length - before };
  }
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
