import type { GatewayStages, RouteSettings } from '../aws/gateway-stages';
import type { BrakedStage, Throttle } from '../deployment';

/** Limits of a stage. A limit that is absent keeps its value. */
export interface StageLimits {
  /** Limit of all routes that have none of their own. */
  readonly frames?: Throttle;
  /** Limit of the route `$connect`. */
  readonly handshakes?: Throttle;
}

/** Changes the limits of one stage of a WebSocket API. Setting the same limits twice does no harm. */
export class GatewayStage {
  constructor(
    private readonly client: GatewayStages,
    private readonly stage: Pick<BrakedStage, 'apiId' | 'stageName'>,
  ) {}

  /** @throws Error if API Gateway refuses the call or does not respond. */
  async setLimits({ frames, handshakes }: StageLimits): Promise<void> {
    await this.client.updateStage({
      ApiId: this.stage.apiId,
      StageName: this.stage.stageName,
      ...(frames && { DefaultRouteSettings: toRouteSettings(frames) }),
      ...(handshakes && { RouteSettings: { $connect: toRouteSettings(handshakes) } }),
    });
  }
}

/** The update replaces all settings of a route, so without `DetailedMetricsEnabled` it would switch detailed metrics off. */
function toRouteSettings({ rate, burst }: Throttle): RouteSettings {
  return { ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst, DetailedMetricsEnabled: true };
}
