import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { APIGatewayProxyResult } from 'aws-lambda';
import { type WebSocket, WebSocketServer } from 'ws';
import { attributes } from '../../lambdas/deployment';
import type { Meter } from '../bill';
import type { LocalClock } from '../clock';
import type { Faults } from '../faults';
import type { MessageAttribute } from '../sqs/message';
import { SqsError } from '../sqs/message';
import type { Queue } from '../sqs/queue';
import { connectEvent, stage } from './connect-event';
import { Connection, type ConnectionLimits } from './connection';
import type { Accepted, ConnectionJournal } from './connection-journal';
import { FrameFaults } from './frame-faults';
import { FrameLimit } from './frame-limit';
import { gatewayId } from './request-id';

export interface GatewayProps {
  readonly packets: Queue;
  readonly onConnect: (event: unknown) => Promise<unknown>;
  readonly limits: ConnectionLimits;
  readonly clock: LocalClock;
  readonly meter: Meter;
  readonly faults: Faults;
  readonly journal: ConnectionJournal | undefined;
  readonly port: () => number;
}

// API Gateway: a message of several frames has at most 128 KB.
export const messageLimit = 128 * 1024;

/** Body of `$disconnect` in the packets queue. SQS requires at least one character. */
const disconnectBody = 'disconnect';

/** Arguments of Node's `upgrade` event. */
interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Request of a route whose integration is the packets queue. */
interface RouteRequest {
  readonly connection: Accepted;
  readonly body: string;
  readonly requestId: string;
  readonly event: 'message' | 'disconnect';
  readonly receivedAt: number;
}

/** The WebSocket API: its routes `$connect`, `$default` and `$disconnect`, and its open connections. */
export class Gateway {
  readonly connections = new Map<string, Connection>();
  private readonly subprotocols = new WeakMap<IncomingMessage, string>();
  private readonly frames: FrameFaults;
  private readonly server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: messageLimit, // `ws` closes with 1009 beyond it, as API Gateway does.
    // Only the function behind `$connect` chooses a subprotocol.
    handleProtocols: (_offered, request) => this.subprotocols.get(request) ?? false,
  });
  private stopped = false;

  constructor(private readonly props: GatewayProps) {
    this.frames = new FrameFaults(props.faults);
  }

  get idle(): boolean {
    return this.frames.pending === 0;
  }

  /** Handles a handshake, which waits for the response of `$connect`. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (request.url?.split('?')[0] !== `/${stage}`) return refuse(socket, 403);
    const sourceIp = request.socket.remoteAddress ?? '';
    const accepted: Accepted = { id: gatewayId(), connectedAt: this.props.clock.now(), sourceIp };
    const event = connectEvent({ request, port: this.props.port(), ...accepted });
    // API Gateway: 502 when the function fails.
    const response = await this.props.onConnect(event).catch(() => ({ statusCode: 502 }));
    const { statusCode, headers } = response as APIGatewayProxyResult;
    if (statusCode < 200 || statusCode > 299) return refuse(socket, statusCode);
    const subprotocol = headerIn(headers, 'sec-websocket-protocol');
    if (subprotocol !== undefined) this.subprotocols.set(request, subprotocol);
    this.accept({ request, socket, head }, accepted);
  }

  cut(connectionId: string): void {
    this.connections.get(connectionId)?.cut();
  }

  /** Sends `$disconnect` for the connections that were open when the earlier process ended. */
  disconnectFormer(): void {
    const { journal } = this.props;
    for (const accepted of journal?.former() ?? []) this.enqueueDisconnect(accepted);
    journal?.begin();
  }

  stop(): void {
    this.stopped = true;
    for (const connection of this.connections.values()) connection.cut();
    this.server.close();
  }

  private accept({ request, socket, head }: Upgrade, accepted: Accepted): void {
    if (this.stopped) {
      socket.destroy();
    } else if (socket.destroyed) {
      this.enqueueDisconnect(accepted);
    } else {
      this.server.handleUpgrade(request, socket, head, (webSocket) => this.open(request, webSocket, accepted));
    }
  }

  private open(request: IncomingMessage, socket: WebSocket, accepted: Accepted): void {
    const connection = new Connection({
      ...accepted,
      userAgent: request.headers['user-agent'] ?? '',
      socket,
      limits: this.props.limits,
      clock: this.props.clock,
      onFrame: (from, text) => this.receive(from, text),
      onEnd: (ended) => this.end(ended),
    });
    const limit = new FrameLimit(() => connection.close(1009));
    request.socket.prependListener('data', (chunk: Buffer) => limit.read(chunk));
    this.connections.set(accepted.id, connection);
    this.props.journal?.opened(accepted);
    this.props.meter.connected();
  }

  private receive(connection: Connection, text: string): void {
    this.props.meter.frame(Buffer.byteLength(text));
    const receivedAt = this.props.clock.now();
    const cut = this.frames.pass(connection.id, () => this.enqueueFrame(connection, text, receivedAt));
    if (cut) connection.cut();
  }

  private enqueueFrame(connection: Connection, text: string, receivedAt: number): void {
    const requestId = gatewayId();
    try {
      this.enqueue({
        connection,
        body: text,
        requestId,
        event: 'message',
        receivedAt,
      });
    } catch (error) {
      if (!(error instanceof SqsError)) throw error;
      // API Gateway: tells only the client that an integration failed.
      const failure = { message: 'Internal server error', connectionId: connection.id, requestId };
      if (this.connections.has(connection.id)) connection.send(JSON.stringify(failure));
    }
  }

  private end(connection: Connection): void {
    const { id } = connection;
    this.connections.delete(id);
    this.props.meter.disconnected();
    this.props.journal?.closed(id);
    if (this.props.faults.losesDisconnect()) return;
    this.frames.follow(id, () => this.enqueueDisconnect(connection));
  }

  private enqueueDisconnect(connection: Accepted): void {
    this.enqueue({
      connection,
      body: disconnectBody,
      requestId: gatewayId(),
      event: 'disconnect',
      receivedAt: this.props.clock.now(),
    });
  }

  /** The mapping template of the routes `$default` and `$disconnect`. */
  private enqueue({ connection, body, requestId, event, receivedAt }: RouteRequest): void {
    const { bytes } = this.props.packets.sendUnique({
      body,
      group: connection.id,
      deduplicationId: requestId,
      attributes: {
        [attributes.event]: stringAttribute(event),
        [attributes.connectedAt]: stringAttribute(connection.connectedAt),
        [attributes.receivedAt]: stringAttribute(receivedAt),
        [attributes.address]: stringAttribute(connection.sourceIp),
      },
    });
    this.props.meter.sent('packets', bytes);
  }
}

function stringAttribute(value: string | number): MessageAttribute {
  return { dataType: 'String', stringValue: String(value) };
}

function headerIn(headers: APIGatewayProxyResult['headers'], wanted: string): string | undefined {
  const name = Object.keys(headers ?? {}).find((header) => header.toLowerCase() === wanted);
  return name === undefined ? undefined : String(headers![name]);
}

function refuse(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}
