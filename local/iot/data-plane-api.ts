import type { HttpRequest } from '../http-exchange';
import type { IotCore, RetainedMessage } from './iot-core';
import type { IotMessage } from './iot-message';

export interface IotResponse {
  readonly status: number;
  /** Name of the SDK's error. */
  readonly error?: string;
  readonly body: object;
}

/** A call of the data plane. */
export interface IotCall {
  readonly operation: string;
  readonly run: (core: IotCore) => IotResponse;
}

const topicsPath = '/topics/';
const retainedPath = '/retainedMessage';
const maxSlashes = 7;
const maxTopicBytes = 256;
const maxPayloadBytes = 128 * 1024;
const pageSize = 200;

/** Returns the data plane call in a request; undefined when it is for another service. */
export function iotCall({ method, url, headers, body }: HttpRequest): IotCall | undefined {
  const { pathname, searchParams } = new URL(url, 'http://iot');
  if (method === 'POST' && pathname.startsWith(topicsPath)) {
    const topic = decodeURIComponent(pathname.slice(topicsPath.length));
    return { operation: 'Publish', run: (core) => publish(core, messageOf(topic, searchParams, { headers, body })) };
  }
  if (method !== 'GET' || !pathname.startsWith(retainedPath)) return undefined;
  const topic = decodeURIComponent(pathname.slice(retainedPath.length + 1));
  if (topic !== '') return { operation: 'GetRetainedMessage', run: (core) => getRetained(core, topic) };
  return { operation: 'ListRetainedMessages', run: (core) => listRetained(core, searchParams) };
}

export function iotError(status: number, error: string, message: string): IotResponse {
  return { status, error, body: { message } };
}

function messageOf(
  topic: string,
  query: URLSearchParams,
  { headers, body }: Pick<HttpRequest, 'headers' | 'body'>,
): IotMessage {
  const userProperties = header(headers, 'x-amz-mqtt5-user-properties');
  return {
    topic,
    payload: body,
    qos: query.get('qos') === '1' ? 1 : 0,
    retain: query.get('retain') === 'true',
    contentType: query.get('contentType') ?? undefined,
    responseTopic: query.get('responseTopic') ?? undefined,
    correlationData: header(headers, 'x-amz-mqtt5-correlation-data'),
    payloadFormat: header(headers, 'x-amz-mqtt5-payload-format-indicator'),
    userProperties: userProperties && JSON.parse(Buffer.from(userProperties, 'base64').toString()),
  };
}

function header(headers: HttpRequest['headers'], name: string): string | undefined {
  return headers[name] as string | undefined;
}

function publish(core: IotCore, message: IotMessage): IotResponse {
  const { topic, payload } = message;
  if (topic.split('/').length - 1 > maxSlashes) return invalid('the topic has too many slashes');
  if (Buffer.byteLength(topic) > maxTopicBytes) return invalid('the topic is too long');
  if (payload.length > maxPayloadBytes) return invalid('the payload is too large');
  core.publish(message);
  return { status: 200, body: { message: 'OK' } };
}

function invalid(message: string): IotResponse {
  return iotError(400, 'InvalidRequestException', message);
}

function getRetained(core: IotCore, topic: string): IotResponse {
  const message = core.retained.get(topic);
  if (!message) return iotError(404, 'ResourceNotFoundException', 'nothing is retained for this topic');
  const { payload, qos, lastModifiedTime, userProperties } = message;
  const user = userProperties && { userProperties: Buffer.from(JSON.stringify(userProperties)).toString('base64') };
  return { status: 200, body: { topic, payload: payload.toString('base64'), qos, lastModifiedTime, ...user } };
}

/** The token is the number of topics on earlier pages. */
function listRetained({ retained }: IotCore, query: URLSearchParams): IotResponse {
  const start = Number(query.get('nextToken') ?? 0);
  const end = start + Number(query.get('maxResults') ?? pageSize);
  const page = [...retained.values()].slice(start, end).map(summary);
  return { status: 200, body: { retainedTopics: page, ...(end < retained.size && { nextToken: String(end) }) } };
}

function summary({ topic, payload, qos, lastModifiedTime }: RetainedMessage) {
  return { topic, payloadSize: payload.length, qos, lastModifiedTime };
}
