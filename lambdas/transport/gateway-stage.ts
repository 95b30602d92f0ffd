import { HttpSender } from '../aws/lean/http-sender';
import { type Credentials, Signer } from '../aws/lean/signature';
import type { BrakedStage, Throttle } from '../deployment';

export interface GatewayStageOptions {
  readonly region: string;
  readonly credentials: Credentials;
  /** Of API Gateway's own API, `https://apigateway.region.amazonaws.com`. */
  readonly endpoint: string;
}

/** Limits of a stage; what is absent stays as it is. */
export interface StageLimits {
  /** Of all routes that have none of their own. */
  readonly frames?: Throttle;
  /** Of the route `$connect`. */
  readonly handshakes?: Throttle;
}

/** Changes the limits of one stage of a WebSocket API, by UpdateStage of API Gateway. Setting the same limits twice does no harm. */
export class GatewayStage {
  private readonly http: HttpSender;
  private readonly signer: Signer;

  constructor(
    private readonly stage: Pick<BrakedStage, 'apiId' | 'stageName'>,
    { region, credentials, endpoint }: GatewayStageOptions,
  ) {
    this.http = new HttpSender(new URL(endpoint));
    this.signer = new Signer(credentials, region, 'apigateway');
  }

  /** @throws Error when API Gateway refuses, or does not answer. */
  async limit({ frames, handshakes }: StageLimits): Promise<void> {
    const { apiId, stageName } = this.stage;
    const body = JSON.stringify({
      ...(frames && { defaultRouteSettings: settingsOf(frames) }),
      ...(handshakes && { routeSettings: { $connect: settingsOf(handshakes) } }),
    });
    const request = {
      method: 'PATCH',
      path: `/v2/apis/${encodeURIComponent(apiId)}/stages/${encodeURIComponent(stageName)}`,
      headers: {
        'content-length': String(Buffer.byteLength(body)),
        'content-type': 'application/json',
        host: this.http.host,
      },
      body,
    };
    const { status } = await this.http.send({ ...request, headers: this.signer.sign(request, new Date()) });
    if (status !== 200) throw new Error(`UpdateStage answered with status ${status}`);
  }
}

/** As the API spells them. Detailed metrics would be switched off if they were left out. */
function settingsOf({ rate, burst }: Throttle) {
  return { throttlingRateLimit: rate, throttlingBurstLimit: burst, detailedMetricsEnabled: true };
}
