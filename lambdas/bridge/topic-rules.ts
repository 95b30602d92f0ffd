import { type BridgeConfig, isIncoming, remoteFilter } from './bridge-config';

/** A topic rule of AWS IoT Core, as the stack deploys it and the local cloud plays it. */
export interface TopicRule {
  readonly filter: string;
  readonly sql: string;
}

export const ruleSqlVersion = '2016-03-23';

/** One rule for each topic filter; entries with the same share it. */
export function topicRulesOf({ entries }: BridgeConfig): TopicRule[] {
  const filters = new Set(entries.filter(isIncoming).map(remoteFilter));
  return [...filters].map((filter) => ({ filter, sql: ruleSql(filter) }));
}

/** What the rule hands over, by the names of `RuleEvent`. Lambda takes no binary payload, so it comes in base64. */
function ruleSql(filter: string): string {
  const columns = {
    payload: "encode(*, 'base64')",
    topic: 'topic()',
    id: 'newuuid()',
    ruleFilter: `'${filter}'`,
    contentType: "get_mqtt_property('content_type')",
    responseTopic: "get_mqtt_property('response_topic')",
    correlationData: "get_mqtt_property('correlation_data')",
    payloadFormat: "get_mqtt_property('format_indicator')",
    userProperties: 'get_user_properties()',
  };
  const list = Object.entries(columns).map(([name, expression]) => `${expression} AS ${name}`);
  return `SELECT ${list.join(', ')} FROM '${filter}'`;
}
