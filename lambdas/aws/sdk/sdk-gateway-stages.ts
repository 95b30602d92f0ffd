import { type ApiGatewayV2Client, UpdateStageCommand } from '@aws-sdk/client-apigatewayv2';
import type { GatewayStages, UpdateStageInput } from '../gateway-stages';

/** Updates stages through the SDK's client. */
export class SdkGatewayStages implements GatewayStages {
  /** `client` makes one attempt at a call. */
  constructor(private readonly client: ApiGatewayV2Client) {}

  async updateStage(input: UpdateStageInput): Promise<void> {
    await this.client.send(new UpdateStageCommand(input));
  }
}
