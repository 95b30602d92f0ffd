import { disallowedCharacterInMessage } from '../protocol/disallowed-characters';
import type { ForwardedProperties, Message } from '../protocol/effects';
import { deliverySize, isDeliverable } from '../protocol/outgoing-publish';
import type { UserProperties } from '../protocol/packets';
import type { Bridge } from './bridge-config';
import { isFromThisBroker } from './origin-property';
import { mapIncoming } from './topic-mapping';

/** Event of a topic rule of AWS IoT Core: one message, with the columns of `ruleSql`. */
export interface RuleEvent {
  /** Base64. */
  readonly payload: string;
  readonly topic: string;
  /** The same for a repeated attempt. */
  readonly id: string;
  /** Topic filter of the rule; absent if the message did not come through a rule. */
  readonly ruleFilter?: string;
  readonly contentType?: string;
  readonly responseTopic?: string;
  /** Base64. */
  readonly correlationData?: string;
  readonly payloadFormat?: string;
  readonly userProperties?: RawUserProperties;
}

/** A list with one object for each property. One object for all properties, and lists of values, are accepted too. */
type RawUserProperties = RawPairs | readonly RawPairs[];
type RawPairs = Readonly<Record<string, string | readonly string[]>>;

/** Messages of this broker that result from an event. */
export interface IncomingMessages {
  readonly messages: readonly Message[];
  /** Reason why messages are missing. */
  readonly refused?: string;
}

/** Reads an event. A message that this broker has sent itself results in no message. */
export function readRuleEvent(event: RuleEvent, bridge: Bridge, maxPacketSize: number): IncomingMessages {
  const properties = propertiesOf(event);
  if (isFromThisBroker(properties.userProperties ?? [], bridge.broker)) return { messages: [] };
  const content = {
    payload: Buffer.from(event.payload, 'base64'),
    ...(Object.keys(properties).length > 0 && { properties }),
    origin: 'bridge',
  } as const;
  const mapped = mapIncoming(bridge.entries, event.topic, event.ruleFilter);
  const messages = mapped.map((header) => ({ ...content, ...header }));
  const disallowed = messages.map(disallowedCharacterInMessage).find((found) => found !== undefined);
  if (disallowed) return { messages: [], refused: `a string of the message contains ${disallowed}` };
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

function pairsOf(raw: RawUserProperties): UserProperties {
  return [raw]
    .flat()
    .flatMap((pairs: RawPairs) =>
      Object.entries(pairs).flatMap(([name, values]) => [values].flat().map((value) => [name, value] as const)),
    );
}
