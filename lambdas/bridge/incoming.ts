import { disallowedCharacterInMessage } from '../protocol/disallowed-characters';
import type { ForwardedProperties, Message } from '../protocol/effects';
import { deliverySize, isDeliverable } from '../protocol/outgoing-publish';
import type { UserProperties } from '../protocol/packets';
import type { Bridge } from './bridge-config';
import { inwards } from './mapping';
import { isFromThisBroker } from './origin-property';

/** A message of AWS IoT Core. */
export interface RuleEvent {
  /** In base64. */
  readonly payload: string;
  readonly topic: string;
  /** The same for a repeated attempt. */
  readonly id: string;
  /** Of the rule that brought it; absent when none did. */
  readonly ruleFilter?: string;
  readonly contentType?: string;
  readonly responseTopic?: string;
  /** In base64. */
  readonly correlationData?: string;
  readonly payloadFormat?: string;
  readonly userProperties?: SaidUserProperties;
}

/** Objects in a list, one for each property. One object for all of them, and lists of values, are understood as well. */
type SaidUserProperties = SaidPairs | readonly SaidPairs[];
type SaidPairs = Readonly<Record<string, string | readonly string[]>>;

/** What becomes of a message of AWS IoT Core here. */
export interface Incoming {
  readonly messages: readonly Message[];
  /** Why those that are missing were not taken. */
  readonly refused?: string;
}

/** What this broker sent itself becomes nothing. */
export function incoming(event: RuleEvent, bridge: Bridge, maxPacketSize: number): Incoming {
  const properties = propertiesOf(event);
  if (isFromThisBroker(properties.userProperties ?? [], bridge.broker)) return { messages: [] };
  const said = {
    payload: Buffer.from(event.payload, 'base64'),
    ...(Object.keys(properties).length > 0 && { properties }),
    origin: 'bridge',
  } as const;
  const messages = inwards(bridge.entries, event.topic, event.ruleFilter).map((passage) => ({ ...said, ...passage }));
  const unclean = messages.map(disallowedCharacterInMessage).find((found) => found !== undefined);
  if (unclean) return { messages: [], refused: `a string of the message contains ${unclean}` };
  const fitting = messages.filter((message) => deliverySize(message) <= maxPacketSize && isDeliverable(message));
  if (fitting.length === messages.length) return { messages };
  return { messages: fitting, refused: `the message is larger than packets of ${maxPacketSize} bytes can hold` };
}

function propertiesOf(event: RuleEvent): ForwardedProperties {
  const { contentType, responseTopic, correlationData, payloadFormat } = event;
  const userProperties = pairsOf(event.userProperties ?? []);
  return {
    ...(payloadFormat === 'UTF8_DATA' && { payloadFormatIndicator: true }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData, 'base64') }),
    ...(userProperties.length > 0 && { userProperties }),
  };
}

function pairsOf(said: SaidUserProperties): UserProperties {
  return [said]
    .flat()
    .flatMap((pairs: SaidPairs) =>
      Object.entries(pairs).flatMap(([name, values]) => [values].flat().map((value) => [name, value] as const)),
    );
}
