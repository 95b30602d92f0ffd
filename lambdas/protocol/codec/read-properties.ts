import { ProtocolError } from '../reason-codes';
import { isTopicName } from '../topic';
import { malformedPacket, protocolError } from './errors';
import type { PacketReader } from './packet-reader';
import { type Property, properties } from './property-table';

/** Properties that a packet type may have, by their identifiers. */
export type AllowedProperties = ReadonlyMap<number, Property>;

/** Returns the table of the named properties. `T` is the type of the packet's properties. */
export function allow<T>(...names: (keyof T & string)[]): AllowedProperties {
  return new Map(properties.filter(({ name }) => (names as string[]).includes(name)).map((entry) => [entry.id, entry]));
}

/** Reads the properties of a packet, section 2.2.2. Returns undefined if there are none. */
export function readProperties<T>(reader: PacketReader, allowed: AllowedProperties): T | undefined {
  const length = reader.varint('property length');
  if (length === 0) return undefined;
  reader.enter(length, 'properties');
  const found: Record<string, unknown> = {};
  while (reader.remainingBytes > 0) {
    const id = reader.varint('property identifier');
    const property = allowed.get(id);
    if (property === undefined) throw malformedPacket(`property 0x${id.toString(16)} is not allowed in this packet`); // section 2.2.2.2
    addProperty(found, property, reader);
  }
  reader.leave();
  return found as T;
}

function addProperty(found: Record<string, unknown>, property: Property, reader: PacketReader): void {
  const { name, repeats, zero } = property;
  const known = found[name];
  if (known !== undefined && !repeats) throw protocolError(`${name} occurs more than once`);
  const value = readValue(property, reader);
  if (value === 0 && zero !== undefined) throw new ProtocolError(zero, `${name} is 0`);
  if (!repeats) found[name] = value;
  else if (known === undefined) found[name] = [value];
  else (known as unknown[]).push(value);
}

function readValue({ name, format }: Property, reader: PacketReader): unknown {
  switch (format) {
    case 'boolean':
      return readBoolean(name, reader);
    case 'byte':
      return reader.byte(name);
    case 'uint16':
      return reader.uint16(name);
    case 'uint32':
      return reader.uint32(name);
    case 'varint':
      return reader.varint(name);
    case 'text':
      return reader.text(name);
    case 'topicName':
      return readTopicName(name, reader);
    case 'binary':
      return reader.binary(name);
    case 'pair':
      return [reader.text('name of a user property'), reader.text('value of a user property')];
  }
}

function readBoolean(name: string, reader: PacketReader): boolean {
  const value = reader.byte(name);
  if (value > 1) throw protocolError(`${name} is neither 0 nor 1`);
  return value === 1;
}

function readTopicName(name: string, reader: PacketReader): string {
  const topic = reader.text(name);
  if (!isTopicName(topic)) throw protocolError(`${name} is not a topic name`); // [MQTT-3.3.2-14]
  return topic;
}
