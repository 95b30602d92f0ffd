import type { AccessConfig } from '../lambdas/access/access-config';
import type { Bridge } from '../lambdas/bridge/bridge-config';
import { type QueueName, queues } from '../lambdas/deployment';
import type { TableName } from '../lambdas/storage/schema';
import type { Bill } from './bill';
import { type Action, checkFault } from './check-fault';
import type { LocalClock } from './clock';
import type { ReceivedEvent } from './events-api';
import type { Fault } from './fault-rules';
import type { FaultReport, Faults } from './faults';
import { type HttpRequest, type HttpResponse, jsonType } from './http-exchange';
import type { DeadLetter } from './sqs/sqs-api';

/** Resources of the cloud, like the outputs of the stack, for programs that access a broker from outside. */
export interface Resources {
  /** Endpoint of DynamoDB. */
  readonly dynamodb: string;
  /** Endpoints of SQS and of AWS IoT Core's data plane. */
  readonly sqs: string;
  readonly iot: string;
  /** URLs of the queues. */
  readonly queueUrls: { readonly [Name in QueueName]: string };
  /** Bridge configuration, if there is a bridge. */
  readonly bridge?: Bridge;
  /** Deployed names of the tables. */
  readonly tables: { readonly [Name in TableName]: string };
  /** The access configuration. */
  readonly access: AccessConfig;
}

export interface ControlApiProps {
  readonly bill: () => Promise<Bill>;
  readonly resetBill: () => Promise<void>;
  readonly faults: Faults;
  readonly clock: LocalClock;
  readonly deadLetters: () => DeadLetter[];
  /** Moves the dead letters of a queue back; returns their number. */
  readonly redrive: (queue: QueueName) => number;
  readonly events: () => readonly ReceivedEvent[];
  readonly settled: () => Promise<void>;
  readonly runSchedule: () => Promise<void>;
  readonly resources: () => Resources;
}

type Route = (body: string) => Promise<unknown>;

/** HTTP interface of the local cloud itself, for tests and users outside its process. */
export class ControlApi {
  private readonly routes: Readonly<Record<string, Route>>;

  constructor(private readonly props: ControlApiProps) {
    this.routes = {
      'GET /bill': props.bill,
      'DELETE /bill': props.resetBill,
      'POST /bill/reset': props.resetBill,
      'GET /faults': async () => props.faults.report(),
      'POST /faults': (body) => this.setFaults(JSON.parse(body)),
      'DELETE /faults': () => props.faults.clear(),
      'GET /dead-letters': async () => props.deadLetters(),
      'POST /redrive': async (body) => ({ moved: props.redrive(readQueueName(body)) }),
      'GET /events': async () => props.events(),
      'GET /settled': props.settled,
      'POST /schedule': props.runSchedule,
      'GET /resources': async () => props.resources(),
    };
  }

  /** Returns the response as JSON; undefined when there is no such route. */
  async respond({ method, url, headers, body }: HttpRequest): Promise<HttpResponse | undefined> {
    const name = `${method} ${url}`;
    if (!Object.hasOwn(this.routes, name)) return undefined;
    if (method !== 'GET' && !isDeliberate(headers)) return json(403, { message: notDeliberate });
    return json(200, (await this.routes[name]!(body.toString())) ?? null);
  }

  /** Applies one fault or action, or a list of them. Returns all current faults. */
  private async setFaults(wanted: Fault | Action | readonly (Fault | Action)[]): Promise<FaultReport[]> {
    const all = [wanted].flat();
    all.forEach(checkFault);
    for (const one of all) await this.apply(one);
    return this.props.faults.report();
  }

  private async apply(one: Fault | Action): Promise<void> {
    const { faults, clock } = this.props;
    switch (one.fault) {
      case 'cut-socket':
        return faults.cut(one.connectionId);
      case 'kill-containers':
        return faults.kill(one.function);
      case 'jump-clock':
        return clock.jump(one.milliseconds);
      case 'seed':
        return faults.seed(one.seed);
      case 'call':
      case 'frame':
      case 'lose-disconnect':
        return faults.set(one);
    }
  }
}

/**
 * True when a request has a header that a browser does not send from a page of another origin without a preflight
 * request, which this server refuses.
 */
function isDeliberate(headers: HttpRequest['headers']): boolean {
  const isJson = /^application\/json\b/i.test(String(headers['content-type'] ?? ''));
  return isJson || Object.keys(headers).some((name) => name.startsWith('x-cirrus-'));
}

const notDeliberate =
  'what changes something needs the header "content-type: application/json" or "x-cirrus-control: 1", which no form sends';

function json(status: number, body: unknown): HttpResponse {
  return { status, headers: jsonType, body: JSON.stringify(body) };
}

function readQueueName(text: string): QueueName {
  if (Object.hasOwn(queues, text)) return text as QueueName;
  throw new Error(`there is no queue ${JSON.stringify(text)}, only ${Object.keys(queues).join(', ')}`);
}
