import type { IPublishPacket } from 'mqtt-packet';
import type { Cloud } from '../../local/cloud';
import type { CloudOptions } from '../../local/cloud-options';
import { Client5, type ConnectFields, type Heard5, heard5 } from './client5';
import { type HandshakeFields, TestBroker } from './test-broker';

/** Session Expiry Interval of a session that never expires. */
export const forever = 0xffff_ffff;

/** The deployed functions in a local cloud, for clients of MQTT 5.0. */
export class Broker5 {
  private constructor(
    /** The same broker, for clients of MQTT 3.1.1. */
    readonly older: TestBroker,
  ) {}

  static async start(options: CloudOptions = {}): Promise<Broker5> {
    return new Broker5(await TestBroker.start(options));
  }

  get cloud(): Cloud {
    return this.older.cloud;
  }

  stop(): Promise<void> {
    return this.older.stop();
  }

  /** Opens a socket without CONNECT. */
  async open(said: HandshakeFields = {}): Promise<Client5> {
    return new Client5(await this.older.open(said));
  }

  async connect(clientId: string, fields: ConnectFields = {}): Promise<Client5> {
    const client = await this.open();
    await client.connect(clientId, fields);
    return client;
  }

  /** Connects a client that resumes its session; `sessionExpiryInterval` is in seconds. */
  resume(clientId: string, sessionExpiryInterval = forever, fields: ConnectFields = {}): Promise<Client5> {
    const properties = { ...fields.properties, sessionExpiryInterval };
    return this.connect(clientId, { clean: false, ...fields, properties });
  }

  /** Ends the client's socket without DISCONNECT; returns when the broker has handled it. */
  lose(client: Client5): Promise<void> {
    return this.older.lose(client.line);
  }

  /** Sends DISCONNECT; returns when the broker has handled it. */
  async leave(client: Client5, ...said: Parameters<Client5['disconnect']>): Promise<void> {
    await client.disconnect(...said);
    await this.cloud.settled();
  }

  /** Returns all messages that a client has received and not read, without an acknowledgement, once the broker is idle. */
  async heardBy(client: Client5): Promise<Heard5[]> {
    await this.cloud.settled();
    await client.ping();
    return client
      .rest()
      .filter((packet): packet is IPublishPacket => packet.cmd === 'publish')
      .map(heard5);
  }

  /** Moves the clock on by so many seconds and runs the sweeps that are due. */
  async pass(seconds: number): Promise<void> {
    await this.cloud.settled(); // CONNACK is sent before the connection is stored
    for (let left = seconds; left > 0; left -= 60) {
      this.cloud.clock.jump(Math.min(left, 60) * 1000);
      await this.cloud.runSchedule();
      await this.cloud.settled();
    }
  }
}
