import { type Packet, type Parser, parser } from 'mqtt-packet';
import { ProtocolError, Reason } from './reason-codes';

/** A parser of mqtt-packet that returns what it reads. The original answers by events, but always before its `parse` returns. */
export class PacketParser {
  private parser: Parser;
  private packet: Packet | undefined;
  private error: Error | undefined;

  constructor(private readonly version: number) {
    this.parser = this.create();
  }

  /** Reads exactly one whole packet. */
  parse(bytes: Buffer): Packet {
    this.packet = undefined;
    this.error = undefined;
    this.parser.parse(bytes);
    if (this.packet && !this.error) return this.packet;

    // After an error mqtt-packet 9.0.2 keeps its read position and misreads the packet that comes next, which may be a stranger's.
    this.parser = this.create();
    throw new ProtocolError(Reason.malformedPacket, inHouseStyle(this.error));
  }

  private create(): Parser {
    return parser({ protocolVersion: this.version })
      .on('packet', (packet) => {
        this.packet = packet;
      })
      .on('error', (error: Error) => {
        this.error ??= error;
      });
  }
}

/** None of the parser's messages quotes the packet, so they may be logged. */
function inHouseStyle(error: Error | undefined): string {
  const message = error?.message ?? 'no packet';
  return message.charAt(0).toLowerCase() + message.slice(1);
}

const parsers = new Map<number, PacketParser>();

/** The parser all connections of a version share: a new one for each packet would take half as long again. */
export function parserOf(version: number): PacketParser {
  const known = parsers.get(version);
  if (known) return known;
  const fresh = new PacketParser(version);
  parsers.set(version, fresh);
  return fresh;
}
