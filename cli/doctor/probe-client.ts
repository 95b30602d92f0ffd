import type { IConnackPacket, IPubackPacket, IPublishPacket, Packet } from 'mqtt-packet';
import { isConnack, isPublish, type ProbeAddress, ProbeSocket } from './probe-socket';
import { StepFailed } from './step-errors';

/** Credentials of the doctor. */
export interface Login {
  readonly username?: string;
  readonly password?: string;
}

interface PublishOptions {
  readonly qos: 0 | 1;
  readonly retain?: boolean;
}

/** Session options of CONNECT. */
export interface SessionOptions {
  readonly clean: boolean;
  /** Session Expiry Interval in seconds. */
  readonly expiry: number;
}

/** Keep-alive in seconds, below the idle timeout of API Gateway of ten minutes. */
const keepalive = 540;

interface ConnectOptions extends Login {
  readonly session?: SessionOptions;
}

/** MQTT 5.0 client without automatic packets: the steps decide when each packet is sent. */
export class ProbeClient {
  private lastPacketId = 0;
  /** Packet id of the last PUBLISH at QoS 1. */
  private lastPublished = 0;

  private constructor(
    readonly socket: ProbeSocket,
    readonly connack: IConnackPacket,
  ) {}

  /** Connects with a client id. @throws StepFailed if the broker refuses the connection. */
  static async connect(
    address: ProbeAddress,
    clientId: string,
    { username, password, session = { clean: true, expiry: 0 } }: ConnectOptions,
  ): Promise<ProbeClient> {
    const { clean, expiry } = session;
    const socket = await ProbeSocket.open(address);
    socket.send({
      ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId, clean, keepalive },
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password: Buffer.from(password) }),
      ...(expiry > 0 && { properties: { sessionExpiryInterval: expiry } }),
    } as Packet);
    const connack = await socket.next('CONNACK', isConnack);
    if (connack.reasonCode !== 0) throw new StepFailed(describeRefusal(connack));
    return new ProbeClient(socket, connack);
  }

  /** @throws StepFailed if the broker refuses the subscription. */
  async subscribe(topic: string): Promise<void> {
    const messageId = this.packetId();
    this.socket.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos: 1 }] });
    const suback = await this.socket.next('SUBACK', (packet) => packet.cmd === 'suback');
    const code = Number(suback.granted[0]);
    if (code >= 0x80) {
      throw new StepFailed(
        `SUBSCRIBE to ${topic} was refused with 0x${code.toString(16)}: set --topic to an allowed topic`,
      );
    }
  }

  /** Sends a message, without a wait for PUBACK. */
  publish(topic: string, payload: Buffer | string, { qos, retain = false }: PublishOptions): void {
    if (qos > 0) this.lastPublished = this.packetId();
    const id = qos === 0 ? {} : { messageId: this.lastPublished };
    this.socket.send({ cmd: 'publish', topic, payload, qos, retain, dup: false, ...id });
  }

  /** Waits for the PUBACK of the last message at QoS 1. PUBACKs of earlier messages may arrive later. */
  async acknowledged(): Promise<void> {
    const { reasonCode = 0 } = await this.socket.next(
      'PUBACK',
      (packet): packet is IPubackPacket => packet.cmd === 'puback' && packet.messageId === this.lastPublished,
    );
    if (reasonCode >= 0x80) {
      throw new StepFailed(`PUBLISH was refused with 0x${reasonCode.toString(16)}: set --topic to an allowed topic`);
    }
  }

  /** Waits for the next message of a topic, and acknowledges it. */
  async message(topic: string): Promise<IPublishPacket> {
    const packet = await this.socket.next(
      'a message',
      (each): each is IPublishPacket => isPublish(each) && each.topic === topic,
    );
    this.acknowledge(packet);
    return packet;
  }

  /** Sends PUBACK for a message at QoS 1, in the next frame. */
  acknowledge({ qos, messageId }: IPublishPacket): void {
    if (qos === 1) this.socket.sendLater({ cmd: 'puback', messageId, reasonCode: 0 });
  }

  /** Returns the milliseconds from PINGREQ to PINGRESP. */
  async ping(): Promise<number> {
    const start = performance.now();
    this.socket.send({ cmd: 'pingreq' });
    await this.socket.next('PINGRESP', (packet) => packet.cmd === 'pingresp');
    return performance.now() - start;
  }

  private packetId(): number {
    this.lastPacketId = (this.lastPacketId % 65_535) + 1;
    return this.lastPacketId;
  }
}

function describeRefusal({ reasonCode = 0, properties }: IConnackPacket): string {
  const names: Record<number, string> = {
    133: 'client id not valid',
    134: 'bad user name or password',
    135: 'not authorized',
    136: 'server unavailable',
    137: 'server busy',
  };
  const words = [names[reasonCode], properties?.reasonString].filter(Boolean).join(', ');
  return `CONNECT was refused with 0x${reasonCode.toString(16)}${words ? ` (${words})` : ''}`;
}
