import type { Metrics } from '../broker/ports/metrics';
import { brokerVariable, eventsVariable } from '../deployment';
import { eventConfigIn } from '../events/event-config';
import { EventBus } from '../transport/event-bus';
import { eventBridgeFor } from './clients';

/** The event bus, or undefined if the operator has not configured events. */
export function eventBusFor(environment: NodeJS.ProcessEnv, metrics: Metrics): EventBus | undefined {
  const config = eventConfigIn(environment[eventsVariable]);
  if (!config) return undefined;
  return new EventBus(eventBridgeFor(environment, metrics), config.bus, environment[brokerVariable] ?? '');
}
