import type { ConnectPacket, PublishPacket } from '../../lambdas/protocol/packets';

/** Parses hex; whitespace is allowed. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
}

/** Builds a decoded CONNECT of MQTT 3.1.1 with client id `kitchen` and a clean session. */
export function connect(fields: Partial<ConnectPacket> = {}): ConnectPacket {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId: 'kitchen',
    clean: true,
    keepalive: 60,
    ...fields,
  };
}

/** Builds a PUBLISH of `hello` to `a/b` at QoS 0. */
export function publish(fields: Partial<PublishPacket> = {}): PublishPacket {
  return { cmd: 'publish', topic: 'a/b', payload: Buffer.from('hello'), qos: 0, dup: false, retain: false, ...fields };
}
