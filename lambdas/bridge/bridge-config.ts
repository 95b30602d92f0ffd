import { allowedTextRule, isAllowedText } from '../protocol/disallowed-characters';
import { hasTopicLength } from '../protocol/topic';
import { isTopicFilter } from '../protocol/topic-filter';
import { checked, choice, flag, list, object, type Place, type Read, string, withDefault } from '../shared/read-json';
import { topicProblem } from './iot-limits';

const filter = checked(
  string('a topic filter', isTopicFilter),
  (text, place) => isAllowedText(text) || place.refuse(text, `a topic filter ${allowedTextRule}`),
);

const prefix = checked(string('the beginning of topics, without wildcards', isPrefix), (text, place) => {
  if (!isAllowedText(text)) place.refuse(text, `the beginning of topics, ${allowedTextRule}`);
});

function isPrefix(text: string): boolean {
  return !/[+#\0]/.test(text) && (text === '' || hasTopicLength(text));
}

const entryObject = object({
  direction: choice(['out', 'in', 'both']),
  filter,
  localPrefix: withDefault(prefix, ''),
  remotePrefix: withDefault(prefix, ''),
  /** Maximum QoS of a message on the other side. */
  qos: withDefault(choice([0, 1], '0 or 1'), 1),
  /** Out: keeps the RETAIN flag. In: retains every message, because a rule does not know the flag. */
  retain: withDefault(flag, false),
});

/**
 * Topics that cross, as in a `topic` line of Mosquitto: for every T that `filter` matches, `localPrefix` + T in this broker is
 * `remotePrefix` + T in AWS IoT Core.
 */
export interface BridgeEntry extends Read<typeof entryObject> {}

export const bridgeConfig = object({
  entries: list(
    checked(entryObject, (entry, place) => {
      checkLocalFilter(entry, place.below('localPrefix with filter'));
      checkRemoteFilter(entry, place.below('remotePrefix with filter'));
    }),
    { min: 1, max: 100, of: 'entries' },
  ),
});

/** The configuration of the bridge: which messages cross between this broker and AWS IoT Core. */
export interface BridgeConfig extends Read<typeof bridgeConfig> {}

/** The configuration with the name of this broker, which marks the messages that it sends. */
export interface Bridge extends BridgeConfig {
  readonly broker: string;
}

export function isOutgoing({ direction }: BridgeEntry): boolean {
  return direction !== 'in';
}

export function isIncoming({ direction }: BridgeEntry): boolean {
  return direction !== 'out';
}

/** The topic filter of an entry in this broker. */
export function localFilter({ localPrefix, filter }: BridgeEntry): string {
  return localPrefix + filter;
}

/** The topic filter of an entry in AWS IoT Core. */
export function remoteFilter({ remotePrefix, filter }: BridgeEntry): string {
  return remotePrefix + filter;
}

function checkLocalFilter(entry: BridgeEntry, place: Place): void {
  const joined = localFilter(entry);
  if (!isTopicFilter(joined)) place.refuse(joined, 'a topic filter; a slash may be missing');
  if (joined.startsWith('$')) place.refuse(joined, 'without a leading $');
}

/** Finds topics that are too deep or too long for AWS IoT Core as far as the filter shows them. */
function checkRemoteFilter(entry: BridgeEntry, place: Place): void {
  const joined = remoteFilter(entry);
  if (!isTopicFilter(joined)) place.refuse(joined, 'a topic filter; a slash may be missing');
  const problem = topicProblem(joined);
  if (problem) place.refuse(joined, `one that AWS IoT Core accepts: ${problem}`);
  if (isIncoming(entry) && /['\\]/.test(joined))
    place.refuse(joined, 'without quotation marks and backslashes, because it is part of the SQL of a rule');
}
