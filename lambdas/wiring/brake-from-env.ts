import { type BrakedStage, brakeVariable } from '../deployment';
import { GatewayStage } from '../transport/gateway-stage';
import { gatewayStagesFor } from './clients';

/** The stage of the brake, and the limits that the brake sets. */
export function brakeFromEnvironment(environment: NodeJS.ProcessEnv): { stage: GatewayStage; limits: BrakedStage } {
  const limits: BrakedStage = JSON.parse(environment[brakeVariable] ?? '{}');
  return { stage: new GatewayStage(gatewayStagesFor(environment), limits), limits };
}
