import { randomUUID } from 'node:crypto';
import type { IotMessage } from './iot-message';
import { matchesInIot } from './topic-matching';

type Expression = (message: IotMessage) => unknown;

/** The subset of AWS IoT SQL that the bridge's rules use; other expressions throw an error. */
const expressions: Readonly<Record<string, Expression>> = {
  "encode(*, 'base64')": ({ payload }) => payload.toString('base64'),
  'topic()': ({ topic }) => topic,
  'newuuid()': () => randomUUID(),
  'get_user_properties()': ({ userProperties }) => userProperties,
  "get_mqtt_property('content_type')": ({ contentType }) => contentType,
  "get_mqtt_property('response_topic')": ({ responseTopic }) => responseTopic,
  "get_mqtt_property('correlation_data')": ({ correlationData }) => correlationData,
  "get_mqtt_property('format_indicator')": ({ payloadFormat = 'UNSPECIFIED_BYTES' }) => payloadFormat,
};

/** A topic rule, parsed from its SQL. */
export class Rule {
  private readonly filter: string;
  private readonly columns: readonly (readonly [name: string, value: Expression])[];

  constructor(sql: string) {
    const [, columns = '', filter = ''] = /^SELECT (.*) FROM '([^']*)'$/.exec(sql) ?? [];
    if (columns === '') throw new Error(`the local cloud does not know this SQL: ${sql}`);
    this.filter = filter;
    this.columns = [...columns.matchAll(/(.+?) AS (\w+)(?:, |$)/g)].map(([, text = '', name = '']) => [
      name,
      expressionOf(text),
    ]);
  }

  /**
   * Returns the event for the rule's action; undefined when the message does not trigger the rule. Undefined fields are
   * left out.
   */
  eventOf(message: IotMessage): object | undefined {
    if (!matchesInIot(this.filter, message.topic)) return undefined;
    const values = this.columns.map(([name, value]) => [name, value(message)]);
    return Object.fromEntries(values.filter(([, value]) => value !== undefined));
  }
}

function expressionOf(text: string): Expression {
  const literal = /^'([^']*)'$/.exec(text)?.[1];
  const known = literal === undefined ? expressions[text] : () => literal;
  if (!known) throw new Error(`the local cloud does not know this expression of AWS IoT SQL: ${text}`);
  return known;
}
