import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Signer } from '../../lambdas/aws/lean/signature';
import { type BrakedStage, brakeVariable } from '../../lambdas/deployment';
import type { AlarmEvent } from '../../lambdas/transport/alarm-event';

const credentials = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'token' };

/** UpdateStage of API Gateway for one stage. It refuses requests that are not signed or are for another stage. */
class StageApi {
  stage: Record<string, unknown> = {
    defaultRouteSettings: { throttlingRateLimit: 100, throttlingBurstLimit: 1000, detailedMetricsEnabled: true },
    routeSettings: { $connect: { throttlingRateLimit: 10, throttlingBurstLimit: 200, detailedMetricsEnabled: true } },
  };
  status = 200;
  private constructor(private readonly server: Server) {}

  static async start(): Promise<StageApi> {
    const server = createServer();
    const api = new StageApi(server);
    server.on('request', async (request, response) => {
      const body = await text(request);
      const isRight =
        request.method === 'PATCH' && request.url === '/v2/apis/a1b2/stages/mqtt' && isSigned(request, body);
      const status = isRight ? api.status : 403;
      if (status === 200) api.stage = { ...api.stage, ...JSON.parse(body) };
      response.writeHead(status).end('{}');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return api;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
  }
}

const addedBySigner = ['x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'];

/** Signature Version 4 for `apigateway`. test/aws/signature.test.ts compares the signer with the SDK's. */
function isSigned({ method, url, headers }: IncomingMessage, body: string): boolean {
  const { authorization, 'x-amz-date': date } = headers;
  const names = /SignedHeaders=([^,]*)/.exec(authorization ?? '')?.[1]?.split(';') ?? [];
  const given = names.filter((name) => !addedBySigner.includes(name)).map((name) => [name, String(headers[name])]);
  const time = String(date).replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, '$1-$2-$3T$4:$5:$6Z');
  const request = { method: method!, path: url!, headers: Object.fromEntries(given), body };
  const signed = new Signer(credentials, 'eu-central-1', 'apigateway').sign(request, new Date(time));
  return signed.authorization === authorization;
}

/** As CloudWatch sends it. */
function alarmOn(name: string): AlarmEvent {
  const metricStat = { metric: { namespace: 'AWS', name, dimensions: {} }, period: 300, stat: 'Sum' };
  return {
    alarmData: { alarmName: 'alarm', configuration: { metrics: [{ metricStat }] } },
  };
}

describe.each(['lean', 'sdk'] as const)('the function of the brake, awsClients: %s', (awsClients) => {
  const left: BrakedStage = {
    apiId: 'a1b2',
    stageName: 'mqtt',
    frames: { rate: 10, burst: 10 },
    handshakes: { rate: 1, burst: 1 },
  };
  const before = { ...process.env };
  let api: StageApi;
  let lines: string[];

  beforeEach(async () => {
    api = await StageApi.start();
    lines = [];
    jest.spyOn(console, 'log').mockImplementation((line) => {
      lines.push(line);
    });
    Object.assign(process.env, {
      [brakeVariable]: JSON.stringify(left),
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
      AWS_ENDPOINT_URL_APIGATEWAYV2: api.origin,
      AWS_CLIENTS: awsClients,
    });
  });

  afterEach(async () => {
    process.env = { ...before };
    jest.restoreAllMocks();
    await api.stop();
  });

  /** Invokes the function in a new container. */
  async function pull(event: AlarmEvent): Promise<void> {
    await jest.isolateModulesAsync(async () => {
      const { handler } = await import('../../lambdas/on-brake');
      await handler(event);
    });
  }

  const settings = (rate: number) => ({
    throttlingRateLimit: rate,
    throttlingBurstLimit: rate,
    detailedMetricsEnabled: true,
  });

  it('lowers the limit of handshakes if there are too many, and keeps the limit of frames: connected clients go on', async () => {
    const { defaultRouteSettings } = api.stage;

    await pull(alarmOn('ConnectCount'));

    expect(api.stage).toEqual({ defaultRouteSettings, routeSettings: { $connect: settings(1) } });
    expect(lines.map((line) => JSON.parse(line))).toEqual([{ event: 'braked', alarm: 'alarm', handshakes: 1 }]);
  });

  it('lowers both limits if there are too many frames, also when it is invoked again', async () => {
    await pull(alarmOn('NumberOfMessagesSent'));
    await pull(alarmOn('NumberOfMessagesSent'));

    expect(api.stage).toEqual({ defaultRouteSettings: settings(10), routeSettings: { $connect: settings(1) } });
  });

  it('fails if API Gateway refuses, so that Lambda invokes it again', async () => {
    api.status = 429;

    await expect(pull(alarmOn('ConnectCount'))).rejects.toThrow();
  });
});
