/** Reason of a failed handshake with the gateway: an HTTP status or a failure of the network. */
export type DialFailure = 'throttled' | 'denied' | 'refused' | 'unreachable' | 'timeout';

/** Backpressure: the side that waited for the other. */
export type Stall = 'device_waits' | 'gateway_waits';

/** Reason for the end of a client's connection. */
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

/** A counter with one label. All label values are exported from the start with 0, so that rates are correct. */
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

/** Current values of the gauges. */
interface GaugeValues {
  clients: number;
  pending: number;
  parked: number;
  waitingDials: number;
  certificateExpiresAt?: number;
}

/** Metrics of an adapter. `up` is the direction from clients to the gateway. */
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

  /** All metrics in the text format 0.0.4 of Prometheus. */
  text(now: GaugeValues): string {
    const { rss, heapUsed } = process.memoryUsage();
    const lines = [
      ...gauge('clients', 'Open connections of clients, from accept to close.', now.clients),
      ...gauge('pending_clients', 'Open connections that the broker has not accepted yet.', now.pending),
      ...gauge(
        'parked_connections',
        'Connections to the gateway that wait for the reconnect of their client after a planned end.',
        now.parked,
      ),
      ...gauge('dials_waiting', 'Clients that wait for the rate limit of handshakes.', now.waitingDials),
      ...counter('clients_total', 'Connections of clients.', { label: 'outcome', counts: this.accepted }),
      ...counter('ends_total', 'Connections of clients that have ended.', { label: 'reason', counts: this.ends }),
      ...counter('bytes_total', 'MQTT bytes exchanged with clients.', { label: 'direction', counts: this.bytes }),
      ...counter('packets_total', 'MQTT packets exchanged with clients.', { label: 'direction', counts: this.packets }),
      ...total(
        'withheld_total',
        'Packets of clients that were withheld because they are too large for the broker.',
        this.withheld,
      ),
      ...counter('frames_total', 'Frames exchanged with the gateway.', { label: 'direction', counts: this.frames }),
      ...counter('pings_total', 'PINGREQ packets of clients.', { label: 'answered_by', counts: this.pings }),
      ...counter('stalls_total', 'Times that one side was paused because the other was slow.', {
        label: 'side',
        counts: this.stalls,
      }),
      ...total('dials_total', 'Handshakes with the gateway that were started.', this.dials),
      ...counter('dial_failures_total', 'Handshakes with the gateway that failed.', {
        label: 'reason',
        counts: this.dialFailures,
      }),
      ...gauge('resident_memory_bytes', 'Resident memory of the process.', rss),
      ...gauge('heap_used_bytes', 'Used heap memory.', heapUsed),
    ];
    if (now.certificateExpiresAt !== undefined) {
      const seconds = now.certificateExpiresAt / 1_000;
      lines.push(
        ...gauge('certificate_expiry_seconds', 'Expiry time of the certificate, seconds since 1970.', seconds),
      );
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

interface LabelledCounts {
  label: string;
  counts: Iterable<[string, number]>;
}

function counter(name: string, help: string, { label, counts }: LabelledCounts): string[] {
  const samples = [...counts].map(([value, count]) => `cirrus_adapter_${name}{${label}="${value}"} ${count}`);
  return [...head(name, help, 'counter'), ...samples];
}

function head(name: string, help: string, type: string): string[] {
  return [`# HELP cirrus_adapter_${name} ${help}`, `# TYPE cirrus_adapter_${name} ${type}`];
}
