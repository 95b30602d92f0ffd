import { type AwsCall, callerIn, type Service } from './aws-call';
import { type EventsApi, EventsError } from './events-api';
import type { CallFault, Rule } from './fault-rules';
import type { Faults } from './faults';
import { stage } from './gateway/connect-event';
import { type ConnectionsApi, type ConnectionsResponse, limitExceeded } from './gateway/connections-api';
import { isSignedFor, notSigned } from './http-api/signature-check';
import { type HttpResponse as Answer, type HttpRequest, noReply, type Reply } from './http-exchange';
import { type IotResponse, iotCall, iotError } from './iot/data-plane-api';
import type { IotCore } from './iot/iot-core';
import { connectionOperations, isAllowed } from './permissions';
import { SqsError } from './sqs/message';
import { queueName, type SqsApi } from './sqs/sqs-api';

export interface AwsEndpointProps {
  readonly connections: ConnectionsApi;
  readonly sqs: SqsApi;
  /** Absent when there is no bridge. */
  readonly iot: () => IotCore | undefined;
  readonly events: EventsApi;
  readonly faults: Faults;
  readonly kill: (caller: string) => void;
}

/** One call of a service: how to run it, and the service's own errors. */
interface ServiceCall {
  readonly call: AwsCall;
  readonly run: () => Answer;
  readonly runHalf: () => Answer;
  readonly throttled: () => Answer;
  readonly failed: () => Answer;
  readonly denied: () => Answer;
}

interface ConnectionsCall {
  readonly operation: string;
  readonly connectionId: string;
  readonly caller: string;
}

/** Names of the services in signatures. */
const signingNames: Readonly<Record<Service, string>> = {
  dynamodb: 'dynamodb',
  sqs: 'sqs',
  connections: 'execute-api',
  iot: 'iotdata',
  events: 'events',
};

const sqsTarget = 'AmazonSQS.';
const eventsTarget = 'AWSEvents.';
const connectionsPath = `/${stage}/@connections/`;

/**
 * HTTP endpoint of SQS, EventBridge, @connections and the data plane of AWS IoT Core, in the protocols of the AWS SDKs.
 */
export class AwsEndpoint {
  constructor(private readonly props: AwsEndpointProps) {}

  /** Responds to a container, whose messages need no signature check. Undefined when the request is not for AWS. */
  respond(request: HttpRequest): Reply | Promise<Reply> | undefined {
    const service = this.serviceCall(request);
    return service && this.run(service);
  }

  /** Responds to a request from a socket, which must be signed. */
  respondIfSigned(request: HttpRequest): Reply | Promise<Reply> | undefined {
    const service = this.serviceCall(request);
    if (!service) return undefined;
    return isSignedFor(signingNames[service.call.service], request) ? this.run(service) : notSigned;
  }

  private serviceCall(request: HttpRequest): ServiceCall | undefined {
    const { body } = request;
    const caller = callerIn(request.headers.authorization as string | undefined);
    const target = request.headers['x-amz-target'];
    if (typeof target === 'string' && target.startsWith(sqsTarget)) return this.sqs(target, body, caller);
    if (typeof target === 'string' && target.startsWith(eventsTarget)) return this.events(target, body, caller);
    const operation = connectionOperations[request.method];
    if (operation === undefined || !request.url.startsWith(connectionsPath)) return this.iot(request, caller);
    const connectionId = decodeURIComponent(request.url.slice(connectionsPath.length));
    return this.connections({ operation, connectionId, caller }, body);
  }

  private run(service: ServiceCall): Reply | Promise<Reply> {
    if (!isAllowed(service.call)) return service.denied();
    const fault = this.props.faults.call(service.call);
    if (!fault) return service.run();
    if (fault.outcome === 'partial') return service.runHalf();
    if (fault.outcome === 'hold') return this.hold(fault, service);
    if (fault.when === 'after') service.run();
    return this.applyFault(fault, service);
  }

  private async hold(fault: CallFault & Rule, { run }: ServiceCall): Promise<Reply> {
    const earlyReply = fault.when === 'after' ? run() : undefined;
    await this.props.faults.isOver(fault);
    return earlyReply ?? run();
  }

  private applyFault(fault: CallFault, service: ServiceCall): Reply {
    if (fault.outcome === 'throttle') return service.throttled();
    if (fault.outcome === 'fail') return service.failed();
    this.props.kill(service.call.caller);
    return noReply;
  }

  private connections({ operation, connectionId, caller }: ConnectionsCall, body: Buffer): ServiceCall {
    const run = () => connectionsResponse(this.props.connections.run(operation, connectionId, body));
    return {
      call: { service: 'connections', operation, caller },
      run,
      runHalf: run, // It has no batches.
      throttled: () => connectionsResponse(limitExceeded),
      failed: () => connectionsResponse({ status: 500, error: 'InternalServerError' }),
      denied: () => connectionsResponse({ status: 403, error: 'ForbiddenException' }),
    };
  }

  private iot(request: HttpRequest, caller: string): ServiceCall | undefined {
    const core = this.props.iot();
    const call = core && iotCall(request);
    if (!call) return undefined;
    const run = () => iotResponse(call.run(core));
    return {
      call: { service: 'iot', operation: call.operation, caller },
      run,
      runHalf: run, // It has no batches.
      throttled: () => iotResponse(iotError(429, 'ThrottlingException', 'a fault of the local cloud')),
      failed: () => iotResponse(iotError(500, 'InternalFailureException', 'a fault of the local cloud')),
      denied: () => iotResponse(iotError(403, 'ForbiddenException', 'the function may not do this')),
    };
  }

  private sqs(target: string, body: Buffer, caller: string): ServiceCall {
    const operation = target.slice(sqsTarget.length);
    const input = JSON.parse(body.toString()) as Record<string, unknown>;
    return {
      call: { service: 'sqs', operation, queue: queueName(String(input.QueueUrl)), caller },
      run: () => this.runSqs(() => this.props.sqs.run(operation, input)),
      runHalf: () => this.runSqs(() => this.props.sqs.runHalfBatch(input)),
      throttled: () => sqsError(400, new SqsError('RequestThrottled', 'a fault of the local cloud')),
      failed: () => sqsError(500, new SqsError('InternalError', 'a fault of the local cloud')),
      denied: () => sqsError(403, new SqsError('AccessDeniedException', 'the function may not send to this queue')),
    };
  }

  private events(target: string, body: Buffer, caller: string): ServiceCall {
    const operation = target.slice(eventsTarget.length);
    const input = JSON.parse(body.toString()) as Record<string, unknown>;
    const { events } = this.props;
    return {
      call: { service: 'events', operation, caller },
      run: () => eventsResponse(() => events.run(operation, input)),
      runHalf: () => eventsResponse(() => events.runHalf(input)),
      throttled: () => eventsError(400, new EventsError('ThrottlingException', 'a fault of the local cloud')),
      failed: () => eventsError(500, new EventsError('InternalException', 'a fault of the local cloud')),
      denied: () => eventsError(403, new EventsError('AccessDeniedException', 'the function may not put events')),
    };
  }

  private runSqs(run: () => unknown): Answer {
    try {
      return json(200, run());
    } catch (error) {
      if (error instanceof SqsError) return sqsError(400, error);
      throw error;
    }
  }
}

function connectionsResponse({ status, error, body }: ConnectionsResponse): Answer {
  if (error === undefined) return body === undefined ? { status, headers: {}, body: '' } : json(status, body);
  return json(status, { message: error }, { 'x-amzn-ErrorType': error });
}

function iotResponse({ status, error, body }: IotResponse): Answer {
  return json(status, body, error === undefined ? {} : { 'x-amzn-ErrorType': error });
}

function eventsResponse(run: () => unknown): Answer {
  try {
    return json(200, run());
  } catch (error) {
    if (error instanceof EventsError) return eventsError(400, error);
    throw error;
  }
}

function eventsError(status: number, { code, message }: EventsError): Answer {
  return json(status, { __type: code, message });
}

function sqsError(status: number, { code, message }: SqsError): Answer {
  return json(status, { __type: `com.amazonaws.sqs#${code}`, message });
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return { status, headers: { ...headers, 'content-type': 'application/x-amz-json-1.0' }, body: JSON.stringify(body) };
}
