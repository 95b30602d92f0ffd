import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { readChoice, readFlag, readList, readObject, refuse } from '../access/checked-json';
import { allowedTextRule, isAllowedText } from '../protocol/disallowed-characters';
import { hasTopicLength } from '../protocol/topic';
import { isTopicFilter } from '../protocol/topic-filter';
import {
  type Bridge,
  type BridgeConfig,
  type BridgeEntry,
  isIncoming,
  localFilter,
  remoteFilter,
} from './bridge-config';
import { topicProblem } from './iot-limits';

const entryKeys = ['direction', 'filter', 'localPrefix', 'remotePrefix', 'qos', 'retain'];
const mostEntries = 100;

/** The bridge as an operator wrote it down, in parsed JSON. */
export function readBridge(value: unknown, where = 'bridge'): BridgeConfig {
  const { entries } = readObject(value, where, ['entries']);
  return { entries: readList(entries, `${where}.entries`, { min: 1, max: mostEntries, of: 'entries' }, readEntry) };
}

function readEntry(value: unknown, where: string): BridgeEntry {
  const {
    direction,
    filter,
    localPrefix = '',
    remotePrefix = '',
    qos = 1,
    retain = false,
  } = readObject(value, where, entryKeys);
  const entry: BridgeEntry = {
    direction: readChoice(direction, `${where}.direction`, ['out', 'in', 'both']),
    filter: readFilter(filter, `${where}.filter`),
    localPrefix: readPrefix(localPrefix, `${where}.localPrefix`),
    remotePrefix: readPrefix(remotePrefix, `${where}.remotePrefix`),
    qos: qos === 0 || qos === 1 ? qos : refuse(qos, `${where}.qos`, '0 or 1'),
    retain: readFlag(retain, `${where}.retain`),
  };
  checkLocal(entry, where);
  checkRemote(entry, where);
  return entry;
}

function readFilter(value: unknown, where: string): string {
  if (typeof value !== 'string' || !isTopicFilter(value)) return refuse(value, where, 'a topic filter');
  return isAllowedText(value) ? value : refuse(value, where, `a topic filter ${allowedTextRule}`);
}

function readPrefix(value: unknown, where: string): string {
  const isPrefix = typeof value === 'string' && !/[+#\0]/.test(value) && (value === '' || hasTopicLength(value));
  if (!isPrefix) return refuse(value, where, 'the beginning of topics, without wildcards');
  return isAllowedText(value) ? value : refuse(value, where, `the beginning of topics, ${allowedTextRule}`);
}

function checkLocal(entry: BridgeEntry, where: string): void {
  const joined = localFilter(entry);
  if (!isTopicFilter(joined))
    refuse(joined, `${where}.localPrefix with filter`, 'a topic filter; a slash may be missing');
  if (joined.startsWith('$')) refuse(joined, `${where}.localPrefix with filter`, 'without a leading $');
}

/** Topics that come out too deep or too long can be seen here as far as the filter has them already. */
function checkRemote(entry: BridgeEntry, where: string): void {
  const place = `${where}.remotePrefix with filter`;
  const joined = remoteFilter(entry);
  if (!isTopicFilter(joined)) refuse(joined, place, 'a topic filter; a slash may be missing');
  const problem = topicProblem(joined);
  if (problem) refuse(joined, place, `one that AWS IoT Core takes: ${problem}`);
  if (isIncoming(entry) && /['\\]/.test(joined))
    refuse(joined, place, 'without quotation marks and backslashes, because it stands in a rule');
}

/** As a function's environment carries it. */
export function packBridge(bridge: Bridge): string {
  return deflateRawSync(JSON.stringify(bridge), { level: 9 }).toString('base64');
}

/** What `packBridge` wrote. */
export function unpackBridge(text: string): Bridge {
  const { broker, ...config } = JSON.parse(inflateRawSync(Buffer.from(text, 'base64')).toString()) as Bridge;
  return { broker, ...readBridge(config) };
}
