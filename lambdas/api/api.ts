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
import { isTopicName } from '../protocol/topic';
import { isTopicFilter } from '../protocol/topic-filter';
import type { Settings } from '../settings';
import type { ApiAnswer, ApiRequest } from './api-request';
import { clientJson, subscriptionJson } from './client-json';
import { type MessageJson, messageJson, readMessage, summaryOf } from './message-json';
import { type Attempt, once } from './once';
import { type OperationName, operations, routes } from './operations';
import { Problem } from './problem';
import { type Query, readBody, readPath, readQuery } from './read-request';

/** What the API needs beside the ports of the broker. */
export interface ApiPorts extends Ports {
  readonly clients: ClientDirectory;
  readonly retainedMessages: RetainedDirectory;
  readonly requests: RequestLedger;
  readonly describer: ConnectionDescriber;
}

/** Subscriptions of one client that are told. */
const mostSubscriptions = 1000;

type Handle = (request: ApiRequest) => Promise<ApiAnswer>;

/** The API for backends: each operation of the table, from a checked request to an answer. */
export class Api {
  private readonly office: BrokerAdmin;
  private readonly handlers: { readonly [Name in OperationName]: Handle } = {
    publish: (request) => once(this.ports.requests, request, (attempt) => this.publish(request, attempt)),
    sendToClient: (request) => once(this.ports.requests, request, (attempt) => this.sendToClient(request, attempt)),
    listClients: (request) => this.listClients(readQuery('listClients', request)),
    showClient: (request) => this.showClient(readPath(request, 'clientId')),
    disconnectClient: (request) => this.disconnectClient(request),
    listRetained: (request) => this.listRetained(readQuery('listRetained', request)),
    showRetained: (request) => this.showRetained(readTopic(request)),
    deleteRetained: (request) => this.deleteRetained(readTopic(request)),
  };

  constructor(
    private readonly ports: ApiPorts,
    private readonly settings: Settings,
  ) {
    this.office = new BrokerAdmin(ports, settings);
  }

  async answer(request: ApiRequest): Promise<ApiAnswer> {
    const name = routes.get(request.route);
    if (name === undefined) throw new Error(`there is no route ${request.route}`);
    const answer = await this.perform(name, request);
    this.ports.log('api', { operation: name, status: answer.status, caller: request.caller.arn });
    return answer;
  }

  private async perform(name: OperationName, request: ApiRequest): Promise<ApiAnswer> {
    try {
      readQuery(name, request);
      return await this.handlers[name](request);
    } catch (error) {
      return problemAnswer(error, (details) => this.ports.log('api failed', { operation: name, ...details }));
    }
  }

  // ---- messages ----

  private async publish(request: ApiRequest, attempt: Attempt): Promise<ApiAnswer> {
    const body = readBody(operations.publish.body, request) as MessageJson | { messages: readonly MessageJson[] };
    if ('messages' in body) return { status: 200, body: { results: await this.publishAll(body.messages, attempt) } };
    const message = this.allowed(body);
    const [subscribers] = await this.office.publish([{ ...attempt, id: `${attempt.id}.0`, message }]);
    return { status: 200, body: { status: 'accepted', subscribers } };
  }

  private async publishAll(messages: readonly MessageJson[], attempt: Attempt) {
    const read = messages.map((json) => this.tryToRead(json));
    const arrivals = read.flatMap((message, index) =>
      message instanceof ProtocolError ? [] : [{ ...attempt, id: `${attempt.id}.${index}`, message }],
    );
    const heard = arrivals.length > 0 ? await this.office.publish(arrivals) : [];
    return read.map((message) =>
      message instanceof ProtocolError
        ? { status: 'refused', reasonCode: message.reason, detail: message.message }
        : { status: 'accepted', subscribers: heard.shift() },
    );
  }

  private tryToRead(json: MessageJson): Message | ProtocolError {
    try {
      return readMessage(json, this.settings.maxPacketSize, this.ports.now());
    } catch (error) {
      if (error instanceof ProtocolError) return error;
      throw error;
    }
  }

  /** @throws Problem */
  private allowed(json: MessageJson): Message {
    const message = this.tryToRead(json);
    if (!(message instanceof ProtocolError)) return message;
    throw new Problem('message-refused', { detail: message.message, reasonCode: message.reason });
  }

  private async sendToClient(request: ApiRequest, attempt: Attempt): Promise<ApiAnswer> {
    const message = this.allowed(readBody(operations.sendToClient.body, request) as MessageJson);
    const outcome = await this.office.send(readPath(request, 'clientId'), { ...attempt, message });
    if (outcome === 'sent' || outcome === 'queued') return { status: 200, body: { status: outcome } };
    throw new Problem(problemOf[outcome]);
  }

  // ---- clients ----

  private async listClients(query: Query): Promise<ApiAnswer> {
    const { items, next } = await withCursor(() => this.ports.clients.list(query));
    const now = this.ports.now();
    return pageAnswer({ items: items.map((head) => clientJson(head, now)), next });
  }

  private async showClient(clientId: string): Promise<ApiAnswer> {
    const head = await this.ports.sessions.read(clientId);
    if (!head) throw new Problem('no-such-client');
    const connectionId = connectionOf(head.fence);
    const [connection, source, queued, names] = await Promise.all([
      this.ports.connectionStore.read(connectionId),
      head.owner === undefined ? undefined : this.ports.describer.describe(head.owner),
      this.queued(head),
      this.ports.sessions.subscriptions(head.session),
    ]);
    const subscriptions = await this.subscriptions(head, names.slice(0, mostSubscriptions));
    const { keepAlive, sessionExpiry: sessionExpiryInterval } = connection ?? {};
    return {
      status: 200,
      body: {
        ...clientJson(head, this.ports.now()),
        ...(connection && { keepAlive, sessionExpiryInterval }),
        ...(source && { source }),
        queued,
        subscriptions: subscriptions.map(subscriptionJson),
        subscriptionCount: names.length,
      },
    };
  }

  private async queued({ session }: SessionItem): Promise<number> {
    let count = 0;
    for await (const page of this.ports.inflight.unordered(session)) {
      for (const { messages } of page) count += messages.length;
    }
    return count;
  }

  private subscriptions({ clientId, session }: SessionItem, names: readonly string[]): Promise<Subscriber[]> {
    const rows = names.map((name): SubscriptionRow => {
      const { filter, share } = subscriptionName(name, 5);
      return { clientId, session, filter, ...(share !== undefined && { share }) };
    });
    return this.ports.topicIndex.read(rows);
  }

  private async disconnectClient(request: ApiRequest): Promise<ApiAnswer> {
    const clientId = readPath(request, 'clientId');
    const { will, session } = readQuery('disconnectClient', request);
    const wish = { withWill: will === 'publish', keepSession: session === 'keep' };
    const head = await this.office.disconnect(clientId, wish, request.requestId);
    if (head === 'absent') throw new Problem('no-such-client');
    return { status: 202, body: { clientId, connected: head.owner !== undefined } };
  }

  // ---- retained messages ----

  private async listRetained(query: Query): Promise<ApiAnswer> {
    const { filter } = query;
    if (filter !== undefined && !isTopicFilter(filter)) {
      throw new Problem('invalid-request', { errors: [{ pointer: 'filter', detail: 'must be a topic filter' }] });
    }
    const { items, next } = await withCursor(() => this.ports.retainedMessages.list(filter, query));
    const now = this.ports.now();
    return pageAnswer({ items: items.filter((message) => !isExpired(message, now)).map(summaryOf), next });
  }

  private async showRetained(topic: string): Promise<ApiAnswer> {
    const [copy] = await this.ports.retained.match(topic);
    const message = copy?.message;
    if (!message || isExpired(message, this.ports.now())) throw new Problem('no-such-message');
    return { status: 200, body: messageJson(message) };
  }

  private async deleteRetained(topic: string): Promise<ApiAnswer> {
    const { retained } = this.ports;
    const { write } = await retained.begin(topic);
    await retained.remove(write);
    await retained.endRemoval(write);
    return { status: 204 };
  }
}

/** The topic in the path. @throws Problem */
function readTopic(request: ApiRequest): string {
  const topic = readPath(request, 'topic');
  if (isTopicName(topic)) return topic;
  const detail = 'must be a topic name: 1 to 65,535 bytes, without the wildcards + and #';
  throw new Problem('invalid-request', { errors: [{ pointer: 'topic', detail }] });
}

/** Why a message did not go to a client. */
const problemOf = {
  absent: 'no-such-client',
  away: 'client-away',
  denied: 'not-permitted',
  full: 'queue-full',
} as const;

function pageAnswer({ items, next }: Page<unknown>): ApiAnswer {
  return { status: 200, body: { items, ...(next !== undefined && { next }) } };
}

async function withCursor<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof InvalidCursorError) throw new Problem('invalid-cursor');
    throw error;
  }
}

/** The caller hears nothing of an error that is the broker's own; the log does. */
function problemAnswer(error: unknown, log: (details: Record<string, string>) => void): ApiAnswer {
  if (error instanceof Problem) return { status: error.status, body: error.body };
  log({ error: String(error), stack: (error as Error).stack ?? '' });
  const { status, body } = new Problem('internal-error');
  return { status, body };
}
