import type { Message } from '../../protocol/effects';
import type { Settings } from '../../settings';
import { together } from '../../shared/parallel';
import { isSessionExpired } from '../expiry/expired-session';
import type { IncomingMessage } from '../model/delivery';
import type { SessionCounter } from '../ports/directories';
import type { Ports } from '../ports/ports';
import { BrokerAdmin } from './broker-admin';

const root = '$SYS/broker';

/** Publish intervals after which a retained value expires if it is not published again. */
const retainedIntervals = 2.5;

/** Values by the names that Mosquitto has for them. */
interface SysValues {
  readonly version: string;
  readonly 'clients/connected': number;
  readonly 'clients/disconnected': number;
  readonly 'clients/total': number;
  readonly 'subscriptions/count': number;
  /** Absent where retained messages are not counted. */
  readonly 'retained messages/count'?: number;
}

/** The names in the order of their messages. */
const names = [
  'version',
  'clients/connected',
  'clients/disconnected',
  'clients/total',
  'subscriptions/count',
  'retained messages/count',
] as const satisfies readonly (keyof SysValues)[];

export const systemTopics: readonly string[] = names.map((name) => `${root}/${name}`);

export interface SystemTopicsProps {
  readonly counter: SessionCounter;
  /** Version of the broker, e.g. `1.2.3`. */
  readonly version: string;
}

/** Publishes the state of the broker to `$SYS` topics. It counts nothing while no connected client has subscribed to them. */
export class SystemTopics {
  private readonly admin: BrokerAdmin;

  constructor(
    private readonly ports: Ports,
    private readonly settings: Settings,
    private readonly props: SystemTopicsProps,
  ) {
    this.admin = new BrokerAdmin(ports, settings);
  }

  /** Publishes the values. Returns false if there are no subscribers. */
  async publish(): Promise<boolean> {
    if (!(await this.admin.hasConnectedSubscriber(systemTopics))) return false;
    const values = await this.readValues();
    const now = this.ports.now();
    const known = names.filter((name) => values[name] !== undefined);
    await this.admin.publish(known.map((name) => toIncoming(name, this.messageOf(name, values, now), now)));
    return true;
  }

  /** The messages have QoS 0, because the next one replaces them soon, and expire, because nothing is published without subscribers. */
  private messageOf(name: keyof SysValues, values: SysValues, now: number): Message {
    return {
      topic: `${root}/${name}`,
      payload: Buffer.from(String(values[name])),
      qos: 0,
      retain: true,
      expiresAt: now + this.settings.sysTopicsMinutes * retainedIntervals * 60_000,
    };
  }

  private async readValues(): Promise<SysValues> {
    const { counter, version } = this.props;
    const [sessions, retained] = await together([countSessions(counter, this.ports.now()), counter.retained()]);
    const { connected, disconnected, subscriptions } = sessions;
    return {
      version: `cirrus-mqtt version ${version}`,
      'clients/connected': connected,
      'clients/disconnected': disconnected,
      'clients/total': connected + disconnected,
      'subscriptions/count': subscriptions,
      ...(retained !== undefined && { 'retained messages/count': retained }),
    };
  }
}

async function countSessions(counter: SessionCounter, now: number) {
  let [connected, disconnected, subscriptions] = [0, 0, 0];
  for await (const page of counter.sessions()) {
    const current = page.sessions.filter((item) => !isSessionExpired(item, now));
    const online = current.filter(({ owner }) => owner !== undefined).length;
    connected += online;
    disconnected += current.length - online;
    subscriptions += page.subscriptions;
  }
  return { connected, disconnected, subscriptions };
}

function toIncoming(name: string, message: Message, now: number): IncomingMessage {
  const id = `${root}/${encodeURIComponent(name)}#${now}`; // SQS takes no spaces
  return { message, id, replay: false, attempted: false, retained: false };
}
