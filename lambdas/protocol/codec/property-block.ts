import { type PacketWriter, textSize } from './packet-writer';
import { type Property, type PropertyFormat, properties as table } from './property-table';
import { varintSize } from './varint';

const byName = new Map(table.map((property) => [property.name, property]));

/** Properties of an outgoing packet, section 2.2.2, in the order of the fields of their object. */
export class PropertyBlock {
  /** Bytes of the block, including the Property Length. */
  readonly size: number;
  /** Property Length. */
  private readonly length: number;
  /** One entry per property in the packet. A property that repeats has several entries. */
  private readonly kinds: Property[] = [];
  private readonly values: never[] = [];

  constructor(properties: object = {}) {
    for (const name in properties) this.add(name, properties[name as never]);
    let length = 0;
    for (let index = 0; index < this.kinds.length; index++) {
      length += 1 + formats[this.kinds[index]!.format].size(this.values[index]!);
    }
    this.length = length;
    this.size = varintSize(length) + length;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  write(writer: PacketWriter): void {
    writer.varint(this.length);
    for (let index = 0; index < this.kinds.length; index++) {
      const { id, format } = this.kinds[index]!;
      writer.byte(id);
      formats[format].write(writer, this.values[index]!);
    }
  }

  private add(name: string, value: unknown): void {
    if (value === undefined) return;
    const kind = byName.get(name);
    if (kind === undefined) throw new Error(`MQTT has no property ${name}`);
    for (const single of kind.repeats ? (value as never[]) : [value as never]) {
      this.kinds.push(kind);
      this.values.push(single);
    }
  }
}

interface Format<T> {
  size(value: T): number;
  write(writer: PacketWriter, value: T): void;
}

const text: Format<string> = { size: textSize, write: (writer, value) => writer.text(value) };

const formats: Record<PropertyFormat, Format<never>> = {
  boolean: { size: () => 1, write: (writer, value: boolean) => writer.byte(value ? 1 : 0) },
  byte: { size: () => 1, write: (writer, value: number) => writer.byte(value) },
  uint16: { size: () => 2, write: (writer, value: number) => writer.uint16(value) },
  uint32: { size: () => 4, write: (writer, value: number) => writer.uint32(value) },
  varint: { size: varintSize, write: (writer, value: number) => writer.varint(value) },
  text,
  topicName: text,
  binary: { size: (value: Buffer) => 2 + value.length, write: (writer, value: Buffer) => writer.binary(value) },
  pair: {
    size: ([name, value]: readonly [string, string]) => textSize(name) + textSize(value),
    write: (writer, [name, value]: readonly [string, string]) => {
      writer.text(name);
      writer.text(value);
    },
  },
};
