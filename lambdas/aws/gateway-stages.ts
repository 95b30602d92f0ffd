/** Limits of a route or of a stage, as API Gateway names them. */
export interface RouteSettings {
  readonly ThrottlingRateLimit: number;
  readonly ThrottlingBurstLimit: number;
  readonly DetailedMetricsEnabled: boolean;
}

/** Input of UpdateStage. A property that is absent keeps its value. */
export interface UpdateStageInput {
  readonly ApiId: string;
  readonly StageName: string;
  /** Settings of all routes that have none of their own. */
  readonly DefaultRouteSettings?: RouteSettings;
  /** Settings by route key. */
  readonly RouteSettings?: Readonly<Record<string, RouteSettings>>;
}

/** Client of the management API of API Gateway (`apigatewayv2`). */
export interface GatewayStages {
  /** Makes one attempt. @throws Error if API Gateway refuses the call or does not respond. */
  updateStage(input: UpdateStageInput): Promise<void>;
}
