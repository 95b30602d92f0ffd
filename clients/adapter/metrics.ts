/** Why a dial did not open: HTTP statuses by what they mean, and what the network did. */
export type DialFailure = 'throttled' | 'denied' | 'refused' | 'unreachable' | 'timeout';

/** Who had to wait for whom. */
export type Stall = 'device_waits' | 'gateway_waits';

/** Why the connection of a client ended. */
export type EndReason =
  | 'client_left'
  | 'client_error'
  | 'gateway_left'
  | 'gateway_error'
  | 'no_connect'
  | 'bad_packet'
  | 'not_connected'
  | 'silent'
  | 'stalled'
  | 'gave_way'
  | 'max_age'
  | 'shutdown';

const dialFailures: readonly DialFailure[] = ['throttled', 'denied', 'refused', 'unreachable', 'timeout'];
const stalls: readonly Stall[] = ['device_waits', 'gateway_waits'];
const endReasons: readonly EndReason[] = [
  'client_left',
  'client_error',
  'gateway_left',
  'gateway_error',
  'no_connect',
  'bad_packet',
  'not_connected',
  'silent',
  'stalled',
  'gave_way',
  'max_age',
  'shutdown',
];

/** Counters by one label, each of whose values is shown from the start, so that rates have a beginning. */
class Counter<Label extends string> {
  private readonly counts: Map<Label, number>;

  constructor(labels: readonly Label[]) {
    this.counts = new Map(labels.map((label) => [label, 0]));
  }

  add(label: Label, amount = 1): void {
    this.counts.set(label, (this.counts.get(label) ?? 0) + amount);
  }

  of(label: Label): number {
    return this.counts.get(label) ?? 0;
  }

  [Symbol.iterator]() {
    return this.counts[Symbol.iterator]();
  }
}

type Direction = 'up' | 'down';
const directions: readonly Direction[] = ['up', 'down'];

/** Gauges of the adapter at one moment. */
interface GaugeValues {
  clients: number;
  pending: number;
  parked: number;
  waitingDials: number;
  certificateExpiresAt?: number;
}

/** What an adapter counts. `up` is from devices to the gateway. */
export class AdapterMetrics {
  readonly bytes = new Counter(directions);
  readonly packets = new Counter(directions);
  readonly frames = new Counter(directions);
  readonly dialFailures = new Counter(dialFailures);
  readonly stalls = new Counter(stalls);
  readonly ends = new Counter(endReasons);
  readonly accepted = new Counter(['accepted', 'refused']);
  readonly pings = new Counter(['adapter', 'broker']);
  dials = 0;
  withheld = 0;

  /** Text format 0.0.4 of Prometheus. */
  text(now: GaugeValues): string {
    const { rss, heapUsed } = process.memoryUsage();
    const lines = [
      ...gauge('clients', 'Connections of clients that are open, from their accept to their close.', now.clients),
      ...gauge('pending_clients', 'Clients among them that the broker has not accepted yet.', now.pending),
      ...gauge(
        'parked_connections',
        'Connections to the gateway that wait for their client after a planned end.',
        now.parked,
      ),
      ...gauge('dials_waiting', 'Clients whose handshake waits for its turn.', now.waitingDials),
      ...counter('clients_total', 'Connections of clients.', 'outcome', this.accepted),
      ...counter('ends_total', 'Connections of clients that ended.', 'reason', this.ends),
      ...counter('bytes_total', 'Bytes of MQTT on the side of the clients.', 'direction', this.bytes),
      ...counter('packets_total', 'Control packets on the side of the clients.', 'direction', this.packets),
      ...total('withheld_total', 'Packets of clients that were too large for the broker.', this.withheld),
      ...counter('frames_total', 'Frames on the side of the gateway.', 'direction', this.frames),
      ...counter('pings_total', 'PINGREQs of clients.', 'answered_by', this.pings),
      ...counter('stalls_total', 'Times that one side was not read because the other was slow.', 'side', this.stalls),
      ...total('dials_total', 'Handshakes with the gateway that were begun.', this.dials),
      ...counter('dial_failures_total', 'Handshakes that failed.', 'reason', this.dialFailures),
      ...gauge('resident_memory_bytes', 'Memory of the process.', rss),
      ...gauge('heap_used_bytes', 'Used memory of the heap.', heapUsed),
    ];
    if (now.certificateExpiresAt !== undefined) {
      const seconds = now.certificateExpiresAt / 1_000;
      lines.push(...gauge('certificate_expiry_seconds', 'When the certificate expires, seconds since 1970.', seconds));
    }
    return `${lines.join('\n')}\n`;
  }
}

function gauge(name: string, help: string, value: number): string[] {
  return [...head(name, help, 'gauge'), `cirrus_adapter_${name} ${value}`];
}

function total(name: string, help: string, value: number): string[] {
  return [...head(name, help, 'counter'), `cirrus_adapter_${name} ${value}`];
}

function counter(name: string, help: string, label: string, counts: Iterable<[string, number]>): string[] {
  const samples = [...counts].map(([value, count]) => `cirrus_adapter_${name}{${label}="${value}"} ${count}`);
  return [...head(name, help, 'counter'), ...samples];
}

function head(name: string, help: string, type: string): string[] {
  return [`# HELP cirrus_adapter_${name} ${help}`, `# TYPE cirrus_adapter_${name} ${type}`];
}
