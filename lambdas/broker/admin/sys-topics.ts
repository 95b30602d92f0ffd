import type { Message } from '../../protocol/effects';
import type { Settings } from '../../settings';
import { together } from '../../shared/parallel';
import { isSessionExpired } from '../expiry/expired-session';
import type { IncomingMessage } from '../model/delivery';
import type { SessionCounter } from '../ports/directories';
import type { Ports } from '../ports/ports';
import { BrokerAdmin } from './broker-admin';

const root = '$SYS/broker';

/** Intervals after which a figure that nobody asked for again is no longer retained. */
const intervalsKept = 2.5;

/** What is told, under the names that Mosquitto has for it. Absent: nobody knows. */
interface Figures {
  readonly version: string;
  readonly 'clients/connected': number;
  readonly 'clients/disconnected': number;
  readonly 'clients/total': number;
  readonly 'subscriptions/count': number;
  readonly 'retained messages/count'?: number;
}

/** In the order in which they are told. */
const names = [
  'version',
  'clients/connected',
  'clients/disconnected',
  'clients/total',
  'subscriptions/count',
  'retained messages/count',
] as const satisfies readonly (keyof Figures)[];

export const systemTopics: readonly string[] = names.map((name) => `${root}/${name}`);

/** What the teller needs beside the ports of a broker. */
export interface SystemTopicsProps {
  readonly census: SessionCounter;
  /** Of the broker, e.g. `1.2.3`. */
  readonly version: string;
}

/** Tells those who have subscribed to it how the broker is. While nobody who is connected has, it counts nothing. */
export class SystemTopics {
  private readonly office: BrokerAdmin;

  constructor(
    private readonly ports: Ports,
    private readonly settings: Settings,
    private readonly props: SystemTopicsProps,
  ) {
    this.office = new BrokerAdmin(ports, settings);
  }

  /** Returns whether anybody was there to be told. */
  async tell(): Promise<boolean> {
    if (!(await this.office.isHeard(systemTopics))) return false;
    const figures = await this.figures();
    const now = this.ports.now();
    const known = names.filter((name) => figures[name] !== undefined);
    await this.office.publish(known.map((name) => arrivalOf(name, this.message(name, figures, now), now)));
    return true;
  }

  /** At QoS 0, for the next one is better than one that had to wait; and not kept for ever, for it is not told for ever. */
  private message(name: keyof Figures, figures: Figures, now: number): Message {
    return {
      topic: `${root}/${name}`,
      payload: Buffer.from(String(figures[name])),
      qos: 0,
      retain: true,
      expiresAt: now + this.settings.sysTopicsMinutes * intervalsKept * 60_000,
    };
  }

  private async figures(): Promise<Figures> {
    const { census, version } = this.props;
    const [sessions, retained] = await together([countSessions(census, this.ports.now()), census.retained()]);
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

async function countSessions(census: SessionCounter, now: number) {
  let [connected, disconnected, subscriptions] = [0, 0, 0];
  for await (const page of census.sessions()) {
    const present = page.sessionItems.filter((head) => !isSessionExpired(head, now));
    const online = present.filter(({ owner }) => owner !== undefined).length;
    connected += online;
    disconnected += present.length - online;
    subscriptions += page.subscriptions;
  }
  return { connected, disconnected, subscriptions };
}

function arrivalOf(name: string, message: Message, now: number): IncomingMessage {
  const id = `${root}/${encodeURIComponent(name)}#${now}`; // SQS takes no spaces
  return { message, id, replay: false, attempted: false, retained: false };
}
