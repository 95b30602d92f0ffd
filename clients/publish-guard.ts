import { disallowedCharacterIn } from '../lambdas/protocol/disallowed-characters';
import { type PublishOptions, publishBytes } from './publish-size';
import type { Refusal } from './size-gate';
import { MAX_PACKET_BYTES, PacketTooLargeError } from './wire';

type Callback = (error?: Error) => void;

/** The members of an MQTT.js client that the guard uses. */
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

/** A string of a message contains a character for which the broker closes the connection [MQTT-1.5.4-1]. */
export class UncleanTextError extends Error {
  override readonly name = 'UncleanTextError';

  /** @param character as `U+FFFF` */
  constructor(character: string) {
    super(`a string of the message has ${character}, but the broker takes no control characters and noncharacters`);
  }
}

/** Clients by their options: `createWebsocket` of a client receives only its options. */
const clients = new WeakMap<object, PublishingClient>();

/** Maximum Packet Size from the last CONNACK of each client (MQTT 5.0). */
const limits = new WeakMap<object, number>();

/**
 * Makes `publish` of an MQTT.js client refuse a message that is too large for the broker, or that contains characters which the
 * broker does not accept. The callback gets a `PacketTooLargeError` or an `UncleanTextError`, `publishAsync` rejects with it, and
 * nothing is stored or sent. Without a callback the client emits `error`.
 *
 * @returns the same client
 *
 * @example
 * const client = guardPublish(
 *   mqtt.connect('wss://abc123.execute-api.eu-west-1.amazonaws.com/mqtt', { createWebsocket }),
 * );
 * client.publish('log/1', 'x'.repeat(200_000), (error) => {
 *   if (error?.name === 'PacketTooLargeError') console.error(error.message);
 * });
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
    const { protocolVersion = 4 } = client.options;
    const packet = { topic, payload: message, options: options ?? {}, protocolVersion };
    const error = unclean(topic, options ?? {}) ?? tooLarge(client, publishBytes(packet));
    if (!error) return publish(topic, message, options, callback);
    Promise.resolve().then(() => (callback ? callback(error) : client.emit('error', error)));
    return client;
  };
  client.publish = guarded as Client['publish'];
  return client;
}

/**
 * Removes a message that MQTT.js had stored before `publish` was guarded; its callback gets the error.
 *
 * @throws PacketTooLargeError if no client with these options is guarded yet; MQTT.js then ends the connection
 */
export function refuseStored(options: object, { error, packetId }: Refusal): void {
  const client = clients.get(options);
  if (!client) throw error;
  Promise.resolve().then(() => {
    const pending = client.outgoing[packetId];
    if (!pending) return client.emit('error', error);
    const { cb } = pending;
    pending.cb = () => cb(error); // Replaces the error "Message removed".
    return client.removeOutgoingMessage(packetId);
  });
}

/** Prevents that the broker closes the connection and MQTT.js resends the message on the next one. */
function unclean(topic: string, { properties = {} }: PublishOptions): UncleanTextError | undefined {
  const { contentType = '', responseTopic = '', userProperties = {} } = properties;
  const found = disallowedCharacterIn(
    [topic, contentType, responseTopic, ...Object.entries(userProperties).flat(2)].join(' '),
  );
  return found === undefined ? undefined : new UncleanTextError(found);
}

function tooLarge(client: PublishingClient, bytes: number): PacketTooLargeError | undefined {
  const limit = limits.get(client) ?? MAX_PACKET_BYTES;
  return bytes > limit ? new PacketTooLargeError(bytes, limit) : undefined;
}
