import { JsonClient } from '../aws/lean/json-client';
import type { Metrics } from '../broker/ports/metrics';
import { brokerVariable, eventsVariable } from '../deployment';
import { eventConfigIn } from '../events/event-config';
import { EventBus } from '../transport/events';
import { domainOf, endpointIn, leanOptions } from './environment';

/** EventBridge is asked for less than a timer may wait; what it does not take stays in the queue. */
const attempts = 2;

/** The bus that events go to, where an operator wants that. */
export function eventBusFor(environment: NodeJS.ProcessEnv, metrics: Metrics): EventBus | undefined {
  const config = eventConfigIn(environment[eventsVariable]);
  if (!config) return undefined;
  const region = environment.AWS_REGION ?? '';
  const endpoint = endpointIn(environment, 'EVENTBRIDGE') ?? `https://events.${region}.${domainOf(region)}`;
  const options = leanOptions(environment, attempts, metrics);
  const client = new JsonClient({ name: 'events', target: 'AWSEvents', version: '1.1' }, { ...options, endpoint });
  return new EventBus(client, config.bus, environment[brokerVariable] ?? '');
}
