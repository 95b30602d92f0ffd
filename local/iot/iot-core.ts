import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import type { Aedes, AedesPublishPacket, PublishPacket } from 'aedes';
import type { Meter } from '../bill';
import type { LocalClock } from '../clock';
import type { IotMessage } from './iot-message';
import { Rule } from './rule';

export interface IotCoreProps {
  /** Port for MQTT clients; a free one if absent or 0. */
  readonly port?: number;
  readonly rules: readonly { readonly sql: string }[];
  /** Invokes the function of all rules. */
  readonly invoke: (event: object) => void;
  readonly clock: LocalClock;
  readonly meter: Meter;
}

export interface RetainedMessage extends IotMessage {
  readonly lastModifiedTime: number;
}

/** The part of AWS IoT Core that the bridge uses: Aedes for MQTT 3.1.1 clients, a data plane and rules. */
export class IotCore {
  readonly retained = new Map<string, RetainedMessage>();
  private readonly rules: readonly Rule[];
  private readonly sockets: Server;
  /** Fields of published messages that Aedes does not pass on, by the packet's properties. */
  private readonly published = new WeakMap<object, IotMessage>();
  private busy = 0;

  private constructor(
    private readonly props: IotCoreProps,
    private readonly broker: Aedes,
  ) {
    this.rules = props.rules.map(({ sql }) => new Rule(sql));
    this.sockets = createServer(broker.handle);
    broker.on('publish', (packet) => this.onPublish(packet));
  }

  /** Loads Aedes only here, so that a cloud without a bridge does not need it. */
  static async start(props: IotCoreProps): Promise<IotCore> {
    const { Aedes } = await import('aedes');
    const core = new IotCore(props, await Aedes.createBroker());
    await new Promise<void>((resolve, reject) => {
      core.sockets.once('error', reject);
      core.sockets.listen(props.port ?? 0, '127.0.0.1', resolve);
    });
    return core;
  }

  get port(): number {
    return (this.sockets.address() as AddressInfo).port;
  }

  get idle(): boolean {
    return this.busy === 0;
  }

  /** Publishes a message of the data plane. */
  publish(message: IotMessage): void {
    const { topic, payload, qos, retain } = message;
    this.props.meter.iotPublished(topic.length + payload.length, { retain });
    const properties = {};
    this.published.set(properties, message);
    const packet = { cmd: 'publish', topic, payload, qos, retain, dup: false, properties } as PublishPacket;
    this.busy += 1;
    this.broker.publish(packet, () => {
      this.busy -= 1;
    });
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.broker.close(() => resolve()));
    await new Promise((resolve) => this.sockets.close(resolve));
  }

  private onPublish(packet: AedesPublishPacket): void {
    if (packet.topic.startsWith('$SYS/')) return; // published by Aedes itself
    const message = this.messageOf(packet);
    if (message.retain) this.retain(message);
    for (const rule of this.rules) this.trigger(rule, message);
  }

  private messageOf({ topic, payload, qos, retain, properties }: AedesPublishPacket): IotMessage {
    const known = properties && this.published.get(properties);
    return known ?? { topic, payload: Buffer.from(payload), qos: qos === 0 ? 0 : 1, retain };
  }

  private retain(message: IotMessage): void {
    if (message.payload.length === 0) this.retained.delete(message.topic);
    else this.retained.set(message.topic, { ...message, lastModifiedTime: this.props.clock.now() });
  }

  private trigger(rule: Rule, message: IotMessage): void {
    const event = rule.eventOf(message);
    if (!event) return;
    this.props.meter.ruleTriggered(message.topic.length + message.payload.length);
    this.props.invoke(event);
  }
}
