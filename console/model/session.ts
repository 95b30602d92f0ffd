import mqtt, { type IConnackPacket, type IDisconnectPacket, type MqttClient } from 'mqtt';
import { guardPublish } from '../../clients/mqttjs';
import { PacketTooLargeError } from '../../clients/wire';
import { matches } from '../../lambdas/protocol/topic-filter';
import { connectOptions } from './connect-options';
import type { Message, MessageProperties } from './message-log';
import { Observable } from './observable';
import { describeReason, describeRefusal } from './reasons';
import type { ConnectRequest, PublishRequest, Qos, SubscribeRequest } from './requests';
import { checkFilter, checkTopic, plainFilter } from './topics';

export interface Subscription extends SubscribeRequest {
  /** One of `colours`. */
  readonly colour: number;
  /** Messages it has brought. */
  readonly heard: number;
}

export type Status = 'offline' | 'connecting' | 'online' | 'reconnecting';

/** How many colours there are for subscriptions. What no subscription of this page has brought has the last. */
export const colours = 8;

/** Reasons of a DISCONNECT after which coming back at once would be wrong: another has taken the place, or somebody wants it. */
const final = new Set([0x8e, 0x98]);

/** The page as an MQTT client: its connection, its subscriptions, what it hears and says. */
export class Session extends Observable {
  status: Status = 'offline';
  /** What went wrong last, for a person; empty when nothing did. */
  trouble = '';
  /** What the broker said of the session when it let the page in. */
  welcome = '';
  wish: ConnectRequest | undefined;
  subscriptions: readonly Subscription[] = [];
  private client: MqttClient | undefined;
  private nextColour = 0;

  constructor(private readonly onMessage: (message: Omit<Message, 'number'>) => void) {
    super();
  }

  connect(wish: ConnectRequest): void {
    this.leave();
    this.trouble = '';
    this.wish = wish;
    this.status = 'connecting';
    try {
      this.follow(guardPublish(mqtt.connect(wish.address, connectOptions(wish))), wish);
    } catch (error) {
      this.fail((error as Error).message);
    }
    this.changed();
  }

  disconnect(): void {
    this.leave();
    this.trouble = '';
    this.changed();
  }

  /** What the browser kept this page from. */
  blocked(address: string): void {
    if (this.status !== 'offline') this.fail(`this page may connect to its own broker only, and not to ${address}`);
  }

  /** Throws an `Error` that says why not. */
  async subscribe(wish: SubscribeRequest): Promise<void> {
    checkFilter(wish.filter);
    const { filter, qos, noLocal: nl, retainAsPublished: rap, retainHandling: rh } = wish;
    const options = this.isVersion5 ? { qos, nl, rap, rh } : { qos };
    const [grant] = await explained(this.present().subscribeAsync(filter, options));
    if (grant && grant.qos >= 0x80) throw new Error(describeReason(grant.qos));
    const known = this.subscriptions.find((each) => each.filter === filter);
    const granted = { ...wish, qos: (grant?.qos ?? qos) as Qos, heard: 0, colour: known?.colour ?? this.takeColour() };
    this.subscriptions = [...this.subscriptions.filter((each) => each !== known), granted];
    this.changed();
  }

  async unsubscribe(filter: string): Promise<void> {
    await explained(this.present().unsubscribeAsync(filter));
    this.subscriptions = this.subscriptions.filter((each) => each.filter !== filter);
    this.changed();
  }

  /** Gives a subscription the next colour. */
  recolour(filter: string): void {
    this.subscriptions = this.subscriptions.map((each) =>
      each.filter === filter ? { ...each, colour: (each.colour + 1) % (colours - 1) } : each,
    );
    this.changed();
  }

  /** Resolves when the broker has answered as the QoS asks for. Throws an `Error` that says why not. */
  async publish({ topic, payload, qos, retain, properties }: PublishRequest): Promise<void> {
    checkTopic(topic);
    const options = { qos, retain, ...(this.isVersion5 && { properties: properties as object }) };
    // The library takes any bytes, but its types name Node's only.
    await explained(this.present().publishAsync(topic, payload as Buffer, options));
  }

  get isVersion5(): boolean {
    return this.wish?.version === 5;
  }

  private present(): MqttClient {
    if (this.status !== 'online' || !this.client) throw new Error('not connected');
    return this.client;
  }

  private follow(client: MqttClient, wish: ConnectRequest): void {
    this.client = client;
    const mine = (act: () => void) => {
      if (this.client === client) act();
    };
    client.on('connect', (connack) => mine(() => this.entered(connack, wish)));
    client.on('message', (topic, payload, packet) =>
      mine(() =>
        this.hear({
          receivedAt: Date.now(),
          topic,
          payload: new Uint8Array(payload), // a copy: the library's is part of a larger buffer
          qos: packet.qos,
          retain: packet.retain,
          dup: packet.dup,
          properties: (packet.properties ?? {}) as MessageProperties,
          colour: colours - 1,
        }),
      ),
    );
    client.on('disconnect', (packet) => mine(() => this.dismissed(packet)));
    client.on('error', (error) => mine(() => this.stumbled(error, wish)));
    client.on('close', () => mine(() => this.lost(wish)));
  }

  private entered({ sessionPresent, properties }: IConnackPacket, wish: ConnectRequest): void {
    this.status = 'online';
    this.trouble = '';
    const keepAlive = properties?.serverKeepAlive ?? wish.keepAlive;
    this.welcome = `${sessionPresent ? 'session resumed' : 'new session'}, keep-alive ${keepAlive} s`;
    this.changed();
  }

  private hear(message: Omit<Message, 'number'>): void {
    const brought = this.subscriptions.find(({ filter }) => matches(plainFilter(filter), message.topic));
    this.subscriptions = this.subscriptions.map((each) =>
      each === brought ? { ...each, heard: each.heard + 1 } : each,
    );
    this.onMessage({ ...message, colour: brought?.colour ?? message.colour });
    this.changed();
  }

  private dismissed({ reasonCode = 0, properties }: IDisconnectPacket): void {
    const said = properties?.reasonString === undefined ? '' : `; the broker says: ${properties.reasonString}`;
    this.trouble = `disconnected: ${describeReason(reasonCode)}${said}`;
    if (final.has(reasonCode)) this.fail(this.trouble);
    this.changed();
  }

  private stumbled(error: Error & { code?: number | string }, wish: ConnectRequest): void {
    if (typeof error.code === 'number') this.fail(`refused: ${describeRefusal(error.code)}`);
    else if (this.status === 'connecting') this.fail(unreachable(wish));
    else this.trouble = error.message;
    this.changed();
  }

  private lost(wish: ConnectRequest): void {
    if (this.status === 'connecting') {
      this.fail(unreachable(wish));
      return;
    }
    if (this.status === 'online') this.status = 'reconnecting';
    if (this.trouble === '') this.trouble = 'the connection was lost';
    this.changed();
  }

  private fail(trouble: string): void {
    this.leave();
    this.trouble = trouble;
    this.changed();
  }

  private leave(): void {
    const { client } = this;
    this.client = undefined;
    this.status = 'offline';
    this.subscriptions = [];
    client?.end(!client.connected);
  }

  private takeColour(): number {
    const colour = this.nextColour;
    this.nextColour = (colour + 1) % (colours - 1);
    return colour;
  }
}

function unreachable({ address, login }: ConnectRequest): string {
  const why = login.kind === 'token' ? 'the address is wrong, or the token is not good' : 'is the address right?';
  return `no handshake with ${address}: ${why} (browsers do not tell more)`;
}

/** Refusals of the broker come with a reason code, that of the page with both sizes. */
async function explained<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof PacketTooLargeError) throw new Error(tooLarge(error));
    // The library's error of a SUBACK has the packet, those of other packets the code.
    const { code, packet } = error as { code?: unknown; packet?: { granted?: readonly number[] } };
    const reason = packet?.granted?.[0] ?? code;
    throw typeof reason === 'number' ? new Error(describeReason(reason)) : error;
  }
}

function tooLarge({ bytes, limit }: PacketTooLargeError): string {
  return `not sent: the packet has ${bytes.toLocaleString('en')} bytes, the broker takes ${limit.toLocaleString('en')}`;
}
