import { BrokerAdmin } from '../broker/admin/broker-admin';
import { connectionOf } from '../broker/model/fence';
import type { SessionItem } from '../broker/model/session';
import type { Subscriber, SubscriptionRow } from '../broker/model/subscription';
import type { ConnectionDescriber } from '../broker/ports/connection-store';
import {
  type ClientDirectory,
  InvalidCursorError,
  type Page,
  type RequestLedger,
  type RetainedDirectory,
} from '../broker/ports/directories';
import type { Ports } from '../broker/ports/ports';
import type { Message } from '../protocol/effects';
import { isExpired } from '../protocol/outgoing-publish';
import { ProtocolError } from '../protocol/reason-codes';
import { subscriptionName } from '../protocol/subscription-name';
import type { Settings } from '../settings';
import type { ApiRequest, ApiResponse } from './api-request';
import { clientJson, subscriptionJson } from './client-json';
import { type Attempt, performOnce } from './idempotency';
import { readMessage, retainedMessageJson, retainedSummaryJson } from './message-json';
import { type OperationName, operations, type ResponseTo, routes } from './operations';
import { Problem } from './problem';
import { readBody, readPath, readQuery } from './read-request';
import { clientIdParameter, type MessageJson, type PublishResultJson, topicParameter } from './schemas';

/** Ports of the broker, and those that only the API uses. */
export interface ApiPorts extends Ports {
  readonly clients: ClientDirectory;
  readonly retainedMessages: RetainedDirectory;
  readonly requests: RequestLedger;
  readonly describer: ConnectionDescriber;
}

/** Maximum number of subscriptions in the details of a client. */
const maxListedSubscriptions = 1000;

/** HTTP API for backends: performs each operation of the table and returns its response or a problem. */
export class Api {
  private readonly admin: BrokerAdmin;
  private readonly handlers: {
    readonly [Name in OperationName]: (request: ApiRequest) => Promise<ResponseTo<Name>>;
  } = {
    publish: (request) => performOnce(this.ports.requests, request, (attempt) => this.publish(request, attempt)),
    sendToClient: (request) =>
      performOnce(this.ports.requests, request, (attempt) => this.sendToClient(request, attempt)),
    listClients: (request) => this.listClients(request),
    showClient: (request) => this.showClient(readPath(clientIdParameter, request)),
    disconnectClient: (request) => this.disconnectClient(request),
    listRetained: (request) => this.listRetained(request),
    showRetained: (request) => this.showRetained(readPath(topicParameter, request)),
    deleteRetained: (request) => this.deleteRetained(readPath(topicParameter, request)),
  };

  constructor(
    private readonly ports: ApiPorts,
    private readonly settings: Settings,
  ) {
    this.admin = new BrokerAdmin(ports, settings);
  }

  /** Handles a request; only an unknown route throws, because API Gateway knows the same routes. */
  async handle(request: ApiRequest): Promise<ApiResponse> {
    const name = routes.get(request.route);
    if (name === undefined) throw new Error(`there is no route ${request.route}`);
    const response = await this.perform(name, request);
    this.ports.log('api', { operation: name, status: response.status, caller: request.caller.arn });
    return response;
  }

  private async perform(name: OperationName, request: ApiRequest): Promise<ApiResponse> {
    try {
      readQuery(operations[name].query, request);
      return await this.handlers[name](request);
    } catch (error) {
      return problemResponse(error, (details) => this.ports.log('api failed', { operation: name, ...details }));
    }
  }

  // ---- messages ----

  private async publish(request: ApiRequest, attempt: Attempt): Promise<ResponseTo<'publish'>> {
    const body = readBody(operations.publish.body, request);
    if ('messages' in body) return { status: 200, body: { results: await this.publishBatch(body.messages, attempt) } };
    const message = this.readAllowed(body);
    const [subscribers] = await this.admin.publish([{ ...attempt, id: `${attempt.id}.0`, message }]);
    return { status: 200, body: { status: 'accepted', subscribers } };
  }

  private async publishBatch(batch: readonly MessageJson[], attempt: Attempt): Promise<PublishResultJson[]> {
    const messages = batch.map((json) => this.tryRead(json));
    const incoming = messages.flatMap((message, index) =>
      message instanceof ProtocolError ? [] : [{ ...attempt, id: `${attempt.id}.${index}`, message }],
    );
    const subscribers = incoming.length > 0 ? await this.admin.publish(incoming) : [];
    return messages.map((message) =>
      message instanceof ProtocolError
        ? { status: 'refused', reasonCode: message.reason, detail: message.message }
        : { status: 'accepted', subscribers: subscribers.shift() },
    );
  }

  private tryRead(json: MessageJson): Message | ProtocolError {
    try {
      return readMessage(json, this.settings.maxPacketSize, this.ports.now());
    } catch (error) {
      if (error instanceof ProtocolError) return error;
      throw error;
    }
  }

  /** @throws Problem */
  private readAllowed(json: MessageJson): Message {
    const message = this.tryRead(json);
    if (!(message instanceof ProtocolError)) return message;
    throw new Problem('message-refused', { detail: message.message, reasonCode: message.reason });
  }

  private async sendToClient(request: ApiRequest, attempt: Attempt): Promise<ResponseTo<'sendToClient'>> {
    const message = this.readAllowed(readBody(operations.sendToClient.body, request));
    const outcome = await this.admin.send(readPath(clientIdParameter, request), { ...attempt, message });
    if (outcome === 'sent' || outcome === 'queued') return { status: 200, body: { status: outcome } };
    throw new Problem(problemByOutcome[outcome]);
  }

  // ---- clients ----

  private async listClients(request: ApiRequest): Promise<ResponseTo<'listClients'>> {
    const query = readQuery(operations.listClients.query, request);
    const { items, next } = await withCursor(() => this.ports.clients.list(query));
    const now = this.ports.now();
    return pageResponse({ items: items.map((item) => clientJson(item, now)), next });
  }

  private async showClient(clientId: string): Promise<ResponseTo<'showClient'>> {
    const item = await this.ports.sessions.read(clientId);
    if (!item) throw new Problem('no-such-client');
    const connectionId = connectionOf(item.fence);
    const [connection, source, queued, names] = await Promise.all([
      this.ports.connectionStore.read(connectionId),
      item.owner === undefined ? undefined : this.ports.describer.describe(item.owner),
      this.countQueued(item),
      this.ports.sessions.subscriptions(item.session),
    ]);
    const subscriptions = await this.readSubscriptions(item, names.slice(0, maxListedSubscriptions));
    const { keepAlive, sessionExpiry: sessionExpiryInterval } = connection ?? {};
    return {
      status: 200,
      body: {
        ...clientJson(item, this.ports.now()),
        ...(connection && { keepAlive, sessionExpiryInterval }),
        ...(source && { source }),
        queued,
        subscriptions: subscriptions.map(subscriptionJson),
        subscriptionCount: names.length,
      },
    };
  }

  private async countQueued({ session }: SessionItem): Promise<number> {
    let count = 0;
    for await (const page of this.ports.inflight.unordered(session)) {
      for (const { messages } of page) count += messages.length;
    }
    return count;
  }

  private readSubscriptions({ clientId, session }: SessionItem, names: readonly string[]): Promise<Subscriber[]> {
    const rows = names.map((name): SubscriptionRow => {
      const { filter, share } = subscriptionName(name, 5);
      return { clientId, session, filter, ...(share !== undefined && { share }) };
    });
    return this.ports.topicIndex.read(rows);
  }

  private async disconnectClient(request: ApiRequest): Promise<ResponseTo<'disconnectClient'>> {
    const clientId = readPath(clientIdParameter, request);
    const { will, session } = readQuery(operations.disconnectClient.query, request);
    const options = { withWill: will === 'publish', keepSession: session === 'keep' };
    const item = await this.admin.disconnect(clientId, options, request.requestId);
    if (item === 'absent') throw new Problem('no-such-client');
    return { status: 202, body: { clientId, connected: item.owner !== undefined } };
  }

  // ---- retained messages ----

  private async listRetained(request: ApiRequest): Promise<ResponseTo<'listRetained'>> {
    const { filter, ...page } = readQuery(operations.listRetained.query, request);
    const { items, next } = await withCursor(() => this.ports.retainedMessages.list(filter, page));
    const now = this.ports.now();
    return pageResponse({ items: items.filter((message) => !isExpired(message, now)).map(retainedSummaryJson), next });
  }

  private async showRetained(topic: string): Promise<ResponseTo<'showRetained'>> {
    const [copy] = await this.ports.retained.match(topic);
    const message = copy?.message;
    if (!message || isExpired(message, this.ports.now())) throw new Problem('no-such-message');
    return { status: 200, body: retainedMessageJson(message) };
  }

  private async deleteRetained(topic: string): Promise<ResponseTo<'deleteRetained'>> {
    const { retained } = this.ports;
    const { write } = await retained.begin(topic);
    await retained.remove(write);
    await retained.endRemoval(write);
    return { status: 204 };
  }
}

/** Problems of messages that were neither sent nor queued. */
const problemByOutcome = {
  absent: 'no-such-client',
  away: 'client-away',
  denied: 'not-permitted',
  full: 'queue-full',
} as const;

function pageResponse<Entry>({ items, next }: Page<Entry>) {
  return { status: 200, body: { items: [...items], ...(next !== undefined && { next }) } };
}

async function withCursor<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof InvalidCursorError) throw new Problem('invalid-cursor');
    throw error;
  }
}

/** An unexpected error goes to the log only; the caller gets no details of it. */
function problemResponse(error: unknown, log: (details: Record<string, string>) => void): ApiResponse {
  if (error instanceof Problem) return { status: error.status, body: error.body };
  log({ error: String(error), stack: (error as Error).stack ?? '' });
  const { status, body } = new Problem('internal-error');
  return { status, body };
}
