/** Services by their names in the SDK's endpoint variables. */
export type Service = 'DYNAMODB' | 'SQS' | 'EVENTBRIDGE' | 'APIGATEWAYV2';

/** Domains of partitions by the prefix of their Regions. All others are below `amazonaws.com`. */
const domains = {
  'cn-': 'amazonaws.com.cn',
  'eusc-': 'amazonaws.eu',
  'us-iso-': 'c2s.ic.gov',
  'us-isob-': 'sc2s.sgov.gov',
  'us-isof-': 'csp.hci.ic.gov',
  'eu-isoe-': 'cloud.adc-e.uk',
};

/** Endpoint that the environment sets for a service, or else `host` in the Region of the function. */
export function endpointOf(environment: NodeJS.ProcessEnv, service: Service, host: string): string {
  const region = regionIn(environment);
  return endpointIn(environment, service) ?? `https://${host}.${region}.${domainOf(region)}`;
}

/** Endpoint that the environment sets for a service, by the variables of the AWS SDKs. An empty value sets none. */
export function endpointIn(environment: NodeJS.ProcessEnv, service: Service): string | undefined {
  return environment[`AWS_ENDPOINT_URL_${service}`] || environment.AWS_ENDPOINT_URL || undefined;
}

export function regionIn(environment: NodeJS.ProcessEnv): string {
  return environment.AWS_REGION ?? '';
}

/** Domain of the endpoints of a Region. */
export function domainOf(region: string): string {
  return Object.entries(domains).find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'amazonaws.com';
}
