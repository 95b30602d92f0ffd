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
  /** Index of its colour, below `colours`. */
  readonly colour: number;
  /** Number of messages received for this subscription. */
  readonly messageCount: number;
}

export type Status = 'offline' | 'connecting' | 'online' | 'reconnecting';

/** Number of colours. Messages that match no subscription of this page have the last colour. */
export const colours = 8;

/** Reason codes after which the page does not reconnect: Session taken over, Administrative action. */
const finalReasons = new Set([0x8e, 0x98]);

/** MQTT client of the page: connection, subscriptions, received and published messages. */
export class Session extends Observable {
  status: Status = 'offline';
  /** Text of the last error; empty if there is none. */
  error = '';
  /** Session state and keep-alive of the last CONNACK, as text. */
  sessionInfo = '';
  request: ConnectRequest | undefined;
  subscriptions: readonly Subscription[] = [];
  private client: MqttClient | undefined;
  private nextColour = 0;

  constructor(private readonly onMessage: (message: Omit<Message, 'number'>) => void) {
    super();
  }

  connect(request: ConnectRequest): void {
    this.endClient();
    this.error = '';
    this.request = request;
    this.status = 'connecting';
    try {
      this.attach(guardPublish(mqtt.connect(request.address, connectOptions(request))), request);
    } catch (error) {
      this.fail((error as Error).message);
    }
    this.changed();
  }

  disconnect(): void {
    this.endClient();
    this.error = '';
    this.changed();
  }

  /** Handles a connection that the Content-Security-Policy of the page blocked. */
  handlePolicyViolation(address: string): void {
    if (this.status !== 'offline') this.fail(`this page may only connect to its own broker, not to ${address}`);
  }

  /** @throws Error with the reason, if the filter is invalid or the broker refuses it. */
  async subscribe(request: SubscribeRequest): Promise<void> {
    checkFilter(request.filter);
    const { filter, qos, noLocal: nl, retainAsPublished: rap, retainHandling: rh } = request;
    const options = this.isVersion5 ? { qos, nl, rap, rh } : { qos };
    const [grant] = await withReadableErrors(this.connectedClient().subscribeAsync(filter, options));
    if (grant && grant.qos >= 0x80) throw new Error(describeReason(grant.qos));
    const known = this.subscriptions.find((each) => each.filter === filter);
    const granted = {
      ...request,
      qos: (grant?.qos ?? qos) as Qos,
      messageCount: 0,
      colour: known?.colour ?? this.nextColourIndex(),
    };
    this.subscriptions = [...this.subscriptions.filter((each) => each !== known), granted];
    this.changed();
  }

  async unsubscribe(filter: string): Promise<void> {
    await withReadableErrors(this.connectedClient().unsubscribeAsync(filter));
    this.subscriptions = this.subscriptions.filter((each) => each.filter !== filter);
    this.changed();
  }

  /** Changes a subscription to the next colour. */
  recolour(filter: string): void {
    this.subscriptions = this.subscriptions.map((each) =>
      each.filter === filter ? { ...each, colour: (each.colour + 1) % (colours - 1) } : each,
    );
    this.changed();
  }

  /** Resolves after the acknowledgement that the QoS requires. @throws Error with the reason of a failure. */
  async publish({ topic, payload, qos, retain, properties }: PublishRequest): Promise<void> {
    checkTopic(topic);
    const options = { qos, retain, ...(this.isVersion5 && { properties: properties as object }) };
    // MQTT.js accepts any Uint8Array, but its types require a Buffer.
    await withReadableErrors(this.connectedClient().publishAsync(topic, payload as Buffer, options));
  }

  get isVersion5(): boolean {
    return this.request?.version === 5;
  }

  private connectedClient(): MqttClient {
    if (this.status !== 'online' || !this.client) throw new Error('not connected');
    return this.client;
  }

  /** Handles the events of a client as long as it is the current one. */
  private attach(client: MqttClient, request: ConnectRequest): void {
    this.client = client;
    const ifCurrent = (act: () => void) => {
      if (this.client === client) act();
    };
    client.on('connect', (connack) => ifCurrent(() => this.handleConnack(connack, request)));
    client.on('message', (topic, payload, packet) =>
      ifCurrent(() =>
        this.handleMessage({
          receivedAt: Date.now(),
          topic,
          payload: new Uint8Array(payload), // A copy: the payload of MQTT.js is a view of a larger buffer.
          qos: packet.qos,
          retain: packet.retain,
          dup: packet.dup,
          properties: (packet.properties ?? {}) as MessageProperties,
          colour: colours - 1,
        }),
      ),
    );
    client.on('disconnect', (packet) => ifCurrent(() => this.handleDisconnect(packet)));
    client.on('error', (error) => ifCurrent(() => this.handleError(error, request)));
    client.on('close', () => ifCurrent(() => this.handleClose(request)));
  }

  private handleConnack({ sessionPresent, properties }: IConnackPacket, request: ConnectRequest): void {
    this.status = 'online';
    this.error = '';
    const keepAlive = properties?.serverKeepAlive ?? request.keepAlive;
    this.sessionInfo = `${sessionPresent ? 'session resumed' : 'new session'}, keep-alive ${keepAlive} s`;
    this.changed();
  }

  private handleMessage(message: Omit<Message, 'number'>): void {
    const subscription = this.subscriptions.find(({ filter }) => matches(plainFilter(filter), message.topic));
    this.subscriptions = this.subscriptions.map((each) =>
      each === subscription ? { ...each, messageCount: each.messageCount + 1 } : each,
    );
    this.onMessage({ ...message, colour: subscription?.colour ?? message.colour });
    this.changed();
  }

  private handleDisconnect({ reasonCode = 0, properties }: IDisconnectPacket): void {
    const reasonText = properties?.reasonString === undefined ? '' : `; reason string: ${properties.reasonString}`;
    this.error = `disconnected: ${describeReason(reasonCode)}${reasonText}`;
    if (finalReasons.has(reasonCode)) this.fail(this.error);
    this.changed();
  }

  private handleError(error: Error & { code?: number | string }, request: ConnectRequest): void {
    if (typeof error.code === 'number') this.fail(`refused: ${describeRefusal(error.code)}`);
    else if (this.status === 'connecting') this.fail(describeUnreachable(request));
    else this.error = error.message;
    this.changed();
  }

  private handleClose(request: ConnectRequest): void {
    if (this.status === 'connecting') {
      this.fail(describeUnreachable(request));
      return;
    }
    if (this.status === 'online') this.status = 'reconnecting';
    if (this.error === '') this.error = 'the connection was lost';
    this.changed();
  }

  private fail(message: string): void {
    this.endClient();
    this.error = message;
    this.changed();
  }

  private endClient(): void {
    const { client } = this;
    this.client = undefined;
    this.status = 'offline';
    this.subscriptions = [];
    client?.end(!client.connected);
  }

  private nextColourIndex(): number {
    const colour = this.nextColour;
    this.nextColour = (colour + 1) % (colours - 1);
    return colour;
  }
}

function describeUnreachable({ address, login }: ConnectRequest): string {
  const cause = login.kind === 'token' ? 'the address or the token is wrong' : 'the address may be wrong';
  return `the handshake with ${address} failed: ${cause} (browsers report no details)`;
}

/** Converts errors of MQTT.js to text: a refusal of the broker names its reason code, an oversized packet both sizes. */
async function withReadableErrors<Result>(result: Promise<Result>): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof PacketTooLargeError) throw new Error(describeTooLarge(error));
    // The error for a SUBACK contains the packet, errors for other packets contain the code.
    const { code, packet } = error as { code?: unknown; packet?: { granted?: readonly number[] } };
    const reason = packet?.granted?.[0] ?? code;
    throw typeof reason === 'number' ? new Error(describeReason(reason)) : error;
  }
}

function describeTooLarge({ bytes, limit }: PacketTooLargeError): string {
  return `not sent: the packet has ${bytes.toLocaleString('en')} bytes, the limit is ${limit.toLocaleString('en')}`;
}
