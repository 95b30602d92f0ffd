import type { GatewayStages, RouteSettings, UpdateStageInput } from '../gateway-stages';
import { HttpSender } from './http-sender';
import { type Credentials, Signer } from './signature';

export interface LeanGatewayStagesOptions {
  readonly region: string;
  readonly credentials: Credentials;
  /** Endpoint of API Gateway's management API, `https://apigateway.region.amazonaws.com`. */
  readonly endpoint: string;
}

/** The management API of API Gateway without the SDK (ADR 0010). */
export class LeanGatewayStages implements GatewayStages {
  private readonly http: HttpSender;
  private readonly signer: Signer;

  constructor({ region, credentials, endpoint }: LeanGatewayStagesOptions) {
    this.http = new HttpSender(new URL(endpoint));
    this.signer = new Signer(credentials, region, 'apigateway');
  }

  async updateStage({ ApiId, StageName, ...settings }: UpdateStageInput): Promise<void> {
    const body = JSON.stringify(toJson(settings));
    const request = {
      method: 'PATCH',
      path: `/v2/apis/${encodeURIComponent(ApiId)}/stages/${encodeURIComponent(StageName)}`,
      headers: {
        'content-length': String(Buffer.byteLength(body)),
        'content-type': 'application/json',
        host: this.http.host,
      },
      body,
    };
    const { status } = await this.http.send({ ...request, headers: this.signer.sign(request, new Date()) });
    if (status !== 200) throw new Error(`UpdateStage returned status ${status}`);
  }
}

/** The REST protocol spells property names in camel case. */
function toJson({
  DefaultRouteSettings,
  RouteSettings = {},
}: Pick<UpdateStageInput, 'DefaultRouteSettings' | 'RouteSettings'>) {
  const routes = Object.entries(RouteSettings).map(([route, settings]) => [route, settingsJson(settings)] as const);
  return {
    ...(DefaultRouteSettings && { defaultRouteSettings: settingsJson(DefaultRouteSettings) }),
    ...(routes.length > 0 && { routeSettings: Object.fromEntries(routes) }),
  };
}

function settingsJson({ ThrottlingRateLimit, ThrottlingBurstLimit, DetailedMetricsEnabled }: RouteSettings) {
  return {
    throttlingRateLimit: ThrottlingRateLimit,
    throttlingBurstLimit: ThrottlingBurstLimit,
    detailedMetricsEnabled: DetailedMetricsEnabled,
  };
}
