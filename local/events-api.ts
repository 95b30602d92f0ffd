import type { Meter } from './bill';

/** An event on a bus, with its detail parsed. */
export interface ReceivedEvent {
  readonly bus: string;
  readonly source: string;
  readonly detailType: string;
  /** Seconds since 1970. */
  readonly time: number;
  readonly detail: unknown;
}

interface Entry {
  readonly EventBusName?: string;
  readonly Source?: string;
  readonly DetailType?: string;
  readonly Detail?: string;
  readonly Time?: number;
}

/** Maximum number of events that are kept for inspection. */
const maxKeptEvents = 1000;

/** EventBridge: maximum entries and bytes of one call. */
const entriesPerCall = 10;
const bytesPerCall = 262_144;

/** A refused call; `code` is the service's name of the error. */
export class EventsError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** The PutEvents operation of EventBridge. */
export class EventsApi {
  private received: ReceivedEvent[] = [];

  constructor(private readonly meter: Meter) {}

  /** Returns the received events, oldest first. */
  all(): readonly ReceivedEvent[] {
    return this.received;
  }

  run(operation: string, input: Record<string, unknown>) {
    if (operation !== 'PutEvents') throw new EventsError('UnknownOperationException', `no operation ${operation}`);
    const { Entries = [] } = input as { Entries?: Entry[] };
    return this.put(Entries, Entries.length);
  }

  /** Accepts the first half of the entries; the others fail one by one, as in EventBridge. */
  runHalf(input: Record<string, unknown>) {
    const { Entries = [] } = input as { Entries?: Entry[] };
    return this.put(Entries, Math.floor(Entries.length / 2));
  }

  private put(entries: readonly Entry[], taken: number) {
    if (entries.length < 1 || entries.length > entriesPerCall) {
      throw new EventsError('ValidationException', `a call has 1 to ${entriesPerCall} entries`);
    }
    if (entries.reduce((sum, entry) => sum + sizeOf(entry), 0) > bytesPerCall) {
      throw new EventsError('ValidationException', 'Total size of the entries in the request is over the limit.');
    }
    const results = entries.map((entry, index) => (index < taken ? this.take(entry) : internalFailure));
    return { FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length, Entries: results };
  }

  private take(entry: Entry) {
    const { EventBusName: bus = 'default', Source: source, DetailType: detailType, Detail, Time } = entry;
    const missing = Object.entries({ Source: source, DetailType: detailType, Detail }).find(([, value]) => !value);
    if (missing) return invalid(missing[0]);
    const detail = parseDetail(Detail);
    if (!source || !detailType || detail === undefined) return malformed;
    this.meter.putEvent(sizeOf(entry));
    this.received.push({ bus, source, detailType, time: Time ?? 0, detail });
    this.received = this.received.slice(-maxKeptEvents);
    return { EventId: crypto.randomUUID() };
  }
}

const internalFailure = { ErrorCode: 'InternalFailure', ErrorMessage: 'a fault of the local cloud' };

/** Error of an entry without a required field. */
function invalid(name: string) {
  const ErrorMessage = `Parameter ${name} is not valid. Reason: ${name} is a required argument.`;
  return { ErrorCode: 'InvalidArgument', ErrorMessage };
}

const malformed = { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };

function sizeOf({ Source = '', DetailType = '', Detail = '', Time }: Entry): number {
  return Buffer.byteLength(Source) + Buffer.byteLength(DetailType) + Buffer.byteLength(Detail) + (Time ? 14 : 0);
}

/** Parses a JSON object; undefined for anything else. */
function parseDetail(text: string | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
