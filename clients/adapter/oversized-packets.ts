import type { Refusal } from '../size-gate';
import type { PacketTooLargeError } from '../wire';
import type { Clock, Timer } from './clock';
import type { Log } from './log';
import type { AdapterMetrics } from './metrics';
import { asBuffer } from './packet-splitter';

/** Maximum number of negative acknowledgements that wait for CONNACK. */
const maxPending = 16;

export interface OversizedPacketsProps {
  clock: Clock;
  metrics: AdapterMetrics;
  log: Log;
  isConnected(): boolean;
  /** Sends a negative acknowledgement to the client. */
  deliver(packet: Buffer): void;
  /** Counts a refusal, and returns the milliseconds until the connection is to end. */
  delayDisconnect(): number;
  /** Ends the connection. */
  disconnect(message: string): void;
}

/**
 * Handles packets of the client that were withheld because they are too large. The connection stays open where the packet has a
 * negative acknowledgement, and at QoS 0, where none is expected. Otherwise it ends: MQTT 3.1.1 has no other way to refuse a
 * message at QoS 1 or 2.
 */
export class OversizedPackets {
  /** Acknowledgements that must not precede CONNACK [MQTT-3.2.0-1]. */
  private pending: Buffer[] = [];
  private disconnectTimer: Timer | undefined;

  constructor(private readonly props: OversizedPacketsProps) {}

  take({ error, packetId, answer }: Refusal): void {
    const { metrics, log } = this.props;
    metrics.withheld += 1;
    log({ level: 'warn', message: `withheld: ${error.message}`, details: { bytes: error.bytes } });
    if (answer) this.acknowledge(asBuffer(answer));
    else if (packetId > 0) this.disconnectLater(error);
  }

  /** Returns the acknowledgements that waited for CONNACK. */
  takePending(): Buffer[] {
    return this.pending.splice(0);
  }

  stop(): void {
    this.disconnectTimer?.cancel();
    this.pending = [];
  }

  private acknowledge(packet: Buffer): void {
    if (this.props.isConnected()) this.props.deliver(packet);
    else if (this.pending.length < maxPending) this.pending.push(packet);
    else this.props.disconnect(`more than ${maxPending} packets over the limit before CONNACK`);
  }

  private disconnectLater({ message }: PacketTooLargeError): void {
    const { clock, delayDisconnect, disconnect } = this.props;
    this.disconnectTimer ??= clock.after(delayDisconnect(), () => disconnect(message));
  }
}
