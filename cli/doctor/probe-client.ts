import type { IConnackPacket, IPubackPacket, IPublishPacket, Packet } from 'mqtt-packet';
import { type Address, isConnack, isPublish, ProbeSocket } from './probe-socket';
import { Finding } from './step-errors';

/** Who the doctor logs in as. */
export interface Login {
  readonly username?: string;
  readonly password?: string;
}

/** What CONNECT says of the session. */
export interface SessionWish {
  readonly clean: boolean;
  /** Seconds that it outlives the connection. */
  readonly expiry: number;
}

/** Below API Gateway's ten minutes. */
const keepalive = 540;

/** MQTT 5 by hand: every packet is sent when the doctor says so. */
export class ProbeClient {
  private lastPacketId = 0;
  private lastPublished = 0;

  private constructor(
    readonly socket: ProbeSocket,
    readonly connack: IConnackPacket,
  ) {}

  static async connect(
    address: Address,
    { username, password }: Login,
    clientId: string,
    { clean, expiry }: SessionWish = { clean: true, expiry: 0 },
  ): Promise<ProbeClient> {
    const socket = await ProbeSocket.open(address);
    socket.send({
      ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId, clean, keepalive },
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password: Buffer.from(password) }),
      ...(expiry > 0 && { properties: { sessionExpiryInterval: expiry } }),
    } as Packet);
    const connack = await socket.next('CONNACK', isConnack);
    if (connack.reasonCode !== 0) throw new Finding(refusedLogin(connack));
    return new ProbeClient(socket, connack);
  }

  /** @throws Finding when the subscription is refused. */
  async subscribe(topic: string): Promise<void> {
    const messageId = this.packetId();
    this.socket.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos: 1 }] });
    const suback = await this.socket.next('SUBACK', (packet) => packet.cmd === 'suback');
    const code = Number(suback.granted[0]);
    if (code >= 0x80) {
      throw new Finding(
        `subscribing to ${topic} was refused with 0x${code.toString(16)}: --topic takes an allowed one`,
      );
    }
  }

  /** Sends a message. At QoS 1 its PUBACK is not waited for. */
  publish(topic: string, payload: Buffer | string, qos: 0 | 1, retain = false): void {
    if (qos > 0) this.lastPublished = this.packetId();
    const id = qos === 0 ? {} : { messageId: this.lastPublished };
    this.socket.send({ cmd: 'publish', topic, payload, qos, retain, dup: false, ...id });
  }

  /** Waits until the broker owns the last message of QoS 1: PUBACKs of earlier ones may still come. */
  async acknowledged(): Promise<void> {
    const { reasonCode = 0 } = await this.socket.next(
      'PUBACK',
      (packet): packet is IPubackPacket => packet.cmd === 'puback' && packet.messageId === this.lastPublished,
    );
    if (reasonCode >= 0x80) {
      throw new Finding(`a message was refused with 0x${reasonCode.toString(16)}: --topic takes an allowed one`);
    }
  }

  /** The next message of a topic, which is acknowledged. */
  async message(topic: string): Promise<IPublishPacket> {
    const packet = await this.socket.next(
      'a message',
      (each): each is IPublishPacket => isPublish(each) && each.topic === topic,
    );
    this.acknowledge(packet);
    return packet;
  }

  /** Says that a message was received, in the next frame. */
  acknowledge({ qos, messageId }: IPublishPacket): void {
    if (qos === 1) this.socket.sendLater({ cmd: 'puback', messageId, reasonCode: 0 });
  }

  /** Milliseconds from PINGREQ to PINGRESP. */
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

function refusedLogin({ reasonCode = 0, properties }: IConnackPacket): string {
  const names: Record<number, string> = {
    133: 'client id not valid',
    134: 'bad user name or password',
    135: 'not authorized',
    136: 'server unavailable',
    137: 'server busy',
  };
  const words = [names[reasonCode], properties?.reasonString].filter(Boolean).join(', ');
  return `the login was refused with 0x${reasonCode.toString(16)}${words ? ` (${words})` : ''}`;
}
