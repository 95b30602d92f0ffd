import { type BridgeConfig, isIncoming, remoteFilter } from './bridge-config';

/** A topic rule of AWS IoT Core, which the stack deploys and the local cloud imitates. */
export interface TopicRule {
  readonly filter: string;
  readonly sql: string;
}

export const ruleSqlVersion = '2016-03-23';

/** Returns one rule for each topic filter; entries with the same filter share a rule. */
export function topicRulesOf({ entries }: BridgeConfig): TopicRule[] {
  const filters = new Set(entries.filter(isIncoming).map(remoteFilter));
  return [...filters].map((filter) => ({ filter, sql: ruleSql(filter) }));
}

/** Selects the columns of `RuleEvent`. Lambda accepts no binary payload, so the payload is in base64. */
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
