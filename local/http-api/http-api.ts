import type { IncomingMessage, ServerResponse } from 'node:http';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { apiStage } from '../../lambdas/deployment';
import type { Meter } from '../bill';
import type { LocalClock } from '../clock';
import { gatewayId } from '../gateway/request-id';
import { sendReply } from '../http-exchange';
import { type Match, matchRoute } from './route-match';
import { isSigned, localKeys } from './signature-check';

export interface HttpApiProps {
  readonly invoke: (event: unknown) => Promise<unknown>;
  readonly meter: Meter;
  readonly clock: LocalClock;
}

const prefix = `/${apiStage}`;

interface ApiCall {
  readonly request: IncomingMessage;
  readonly method: string;
  readonly url: string;
  readonly body: Buffer;
}

/** The HTTP API of API Gateway: routes, IAM authorization, payload format 2.0. */
export class HttpApi {
  constructor(private readonly props: HttpApiProps) {}

  /** Responds to a request for the API. False when the request is for something else. */
  async handle(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<boolean> {
    const { method = '', url = '' } = request;
    if (url !== prefix && !url.startsWith(`${prefix}/`)) return false;
    const { statusCode = 200, headers = {}, body: text = '' } = await this.respond({ request, method, url, body });
    sendReply(response, { status: statusCode, headers: headers as Record<string, string>, body: text });
    return true;
  }

  private async respond(call: ApiCall): Promise<APIGatewayProxyStructuredResultV2> {
    const { request, method, url, body } = call;
    const match = matchRoute(method, url.slice(prefix.length).split('?')[0] ?? '');
    if (!match) return errorResponse(404, 'Not Found');
    // The signer uses the clock of the machine, even if the local clock has jumped.
    if (!isSigned({ method, url, headers: request.headers, body }, Date.now())) return errorResponse(403, 'Forbidden');
    this.props.meter.apiRequest(body.length);
    try {
      return (await this.props.invoke(this.event(call, match))) as APIGatewayProxyStructuredResultV2;
    } catch {
      return errorResponse(500, 'Internal Server Error'); // the function's error is in its log
    }
  }

  private event({ request, url, body }: ApiCall, { routeKey, pathParameters }: Match) {
    const { headers, socket } = request;
    const { pathname, searchParams, search } = new URL(url, 'http://localhost');
    const names = [...new Set(searchParams.keys())];
    const query = Object.fromEntries(names.map((name) => [name, searchParams.getAll(name).join(',')]));
    const now = this.props.clock.now();
    return {
      version: '2.0',
      routeKey,
      rawPath: decodeURIComponent(pathname),
      rawQueryString: search.slice(1),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      ...(names.length > 0 && { queryStringParameters: query }),
      ...(Object.keys(pathParameters).length > 0 && { pathParameters }),
      requestContext: {
        accountId: '000000000000',
        apiId: 'local',
        authorizer: { iam: localUser },
        domainName: headers.host ?? '',
        domainPrefix: 'local',
        http: {
          method: routeKey.split(' ')[0],
          path: pathname,
          protocol: 'HTTP/1.1',
          sourceIp: socket.remoteAddress ?? '',
          userAgent: headers['user-agent'] ?? '',
        },
        requestId: gatewayId(),
        routeKey,
        stage: apiStage,
        time: new Date(now).toUTCString(),
        timeEpoch: now,
      },
      ...bodyOf(headers['content-type'], body),
    };
  }
}

const localUser = {
  accessKey: localKeys.accessKeyId,
  accountId: '000000000000',
  callerId: 'AIDALOCAL',
  cognitoIdentity: null,
  principalOrgId: null,
  userArn: 'arn:aws:iam::000000000000:user/local',
  userId: 'AIDALOCAL',
};

/** API Gateway: a body without a text type is encoded in base64. */
function bodyOf(type = '', body: Buffer): { body?: string; isBase64Encoded: boolean } {
  if (body.length === 0) return { isBase64Encoded: false };
  const isText = /^(text\/|application\/(json|javascript|xml))/.test(type);
  return { body: body.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText };
}

function errorResponse(statusCode: number, message: string): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message }) };
}
