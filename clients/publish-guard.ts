import { UncleanTextError, uncleanIn } from './clean-text';
import { type PublishOptions, publishBytes } from './publish-size';
import type { Refusal } from './size-gate';
import { MAX_PACKET_BYTES, PacketTooLargeError } from './wire';

type Callback = (error?: Error) => void;

/** The parts of a client of MQTT.js that the guard uses. */
export interface PublishingClient {
  readonly options: object & { protocolVersion?: number };
  readonly outgoing: Record<number, { cb: (error: Error) => void }>;
  publish(...given: never[]): unknown;
  removeOutgoingMessage(messageId: number): unknown;
  emit(event: 'error', error: Error): unknown;
  on(event: 'connect', listener: (connack: Connack) => void): unknown;
}

interface Connack {
  properties?: { maximumPacketSize?: number };
}

/** Clients by their options, which is all that the WebSocket below a client gets to see of it. */
const clients = new WeakMap<object, PublishingClient>();

/** Maximum Packet Size of the last CONNACK of MQTT 5.0. */
const limits = new WeakMap<object, number>();

/**
 * Makes `publish` of a client of MQTT.js refuse a message that is too large for the broker, or whose strings it takes for malformed:
 * the callback gets a `PacketTooLargeError` or an `UncleanTextError`, `publishAsync` rejects with it, and nothing is stored or sent.
 * Without a callback the client emits `error`. Put it around `connect`: `const client = guardPublish(mqtt.connect(url, { createWebsocket }))`.
 */
export function guardPublish<Client extends PublishingClient>(client: Client): Client {
  if (clients.get(client.options) === client) return client;
  clients.set(client.options, client);
  client.on('connect', ({ properties }) => {
    limits.set(client, Math.min(properties?.maximumPacketSize ?? MAX_PACKET_BYTES, MAX_PACKET_BYTES));
  });
  const publish = client.publish.bind(client) as (...given: unknown[]) => unknown;
  const guarded = (topic: string, message: string | Uint8Array, ...rest: unknown[]) => {
    const [options, callback] = (typeof rest[0] === 'function' ? [undefined, rest[0]] : rest) as [
      PublishOptions?,
      Callback?,
    ];
    const has5 = client.options.protocolVersion === 5;
    const error = unclean(topic, options ?? {}) ?? tooLarge(client, publishBytes(topic, message, options ?? {}, has5));
    if (!error) return publish(topic, message, options, callback);
    Promise.resolve().then(() => (callback ? callback(error) : client.emit('error', error)));
    return client;
  };
  client.publish = guarded as Client['publish'];
  return client;
}

/**
 * Ends a message that was stored before `publish` was guarded, with the same error.
 *
 * @throws PacketTooLargeError when nobody knows the client of these options: MQTT.js then ends the connection
 */
export function refuseStored(options: object, { error, packetId }: Refusal): void {
  const client = clients.get(options);
  if (!client) throw error;
  Promise.resolve().then(() => {
    const pending = client.outgoing[packetId];
    if (!pending) return client.emit('error', error);
    const { cb } = pending;
    pending.cb = () => cb(error); // in place of "Message removed"
    return client.removeOutgoingMessage(packetId);
  });
}

/** The broker would close the connection, and MQTT.js would send the message again on the next one. */
function unclean(topic: string, { properties = {} }: PublishOptions): UncleanTextError | undefined {
  const { contentType = '', responseTopic = '', userProperties = {} } = properties;
  const found = uncleanIn([topic, contentType, responseTopic, ...Object.entries(userProperties).flat(2)].join(' '));
  return found === undefined ? undefined : new UncleanTextError(found);
}

function tooLarge(client: PublishingClient, bytes: number): PacketTooLargeError | undefined {
  const limit = limits.get(client) ?? MAX_PACKET_BYTES;
  return bytes > limit ? new PacketTooLargeError(bytes, limit) : undefined;
}
