import { type BrakedStage, brakeVariable } from '../deployment';
import { GatewayStage } from '../transport/gateway-stage';
import { credentialsIn, domainOf, endpointIn, regionIn } from './environment';

/** The stage that the brake is for, and the limits that it sets. */
export function brakeFromEnvironment(environment: NodeJS.ProcessEnv): { stage: GatewayStage; limits: BrakedStage } {
  const limits: BrakedStage = JSON.parse(environment[brakeVariable] ?? '{}');
  const region = regionIn(environment);
  const endpoint = endpointIn(environment, 'APIGATEWAYV2') ?? `https://apigateway.${region}.${domainOf(region)}`;
  const stage = new GatewayStage(limits, { region, credentials: credentialsIn(environment), endpoint });
  return { stage, limits };
}
