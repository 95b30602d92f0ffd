import { allowedTextRule, isAllowedText } from '../protocol/disallowed-characters';
import { isShared, isTopicFilter } from '../protocol/topic-filter';
import { checked, flag, list, object, Place, parseJson, type Read, string, withDefault } from '../shared/read-json';

/** EventBridge: letters, digits, and `/._-`, up to 256 of them. */
const busName = /^(arn:[\w-]+:events:[a-z0-9-]+:\d{12}:event-bus\/)?[\w./-]{1,256}$/;

const filter = checked(
  string('a topic filter', (text) => isTopicFilter(text) && !isShared(text)),
  (text, place) => isAllowedText(text) || place.refuse(text, `a topic filter ${allowedTextRule}`),
);

const eventConfig = checked(
  object({
    /** Name or ARN of an event bus; `default` is the bus that every account has. */
    bus: withDefault(
      string('default, the name of an event bus or its ARN', (text) => busName.test(text)),
      'default',
    ),
    /** True if connects and disconnects of clients are events. */
    lifecycle: withDefault(flag, false),
    /** Topic filters of the messages that are events. */
    messages: withDefault(list(filter, { min: 0, max: 20, of: 'topic filters' }), []),
  }),
  (config, place) => {
    if (!config.lifecycle && config.messages.length === 0)
      place.refuse(config, 'at least one kind of event: "lifecycle": true, or filters in "messages"');
  },
);

/** The configuration of events: which of them go to EventBridge. */
export interface EventConfig extends Read<typeof eventConfig> {}

/** The configuration of events is invalid. The message is for its author: the place, the value, and what is allowed. */
export class InvalidEventsError extends Error {
  override readonly name = 'InvalidEventsError';
}

/**
 * Reads the configuration of events from parsed JSON. Messages call it `where`.
 *
 * @throws InvalidEventsError
 */
export function readEventConfig(value: unknown, where = 'events'): EventConfig {
  return eventConfig(value, new Place(where, InvalidEventsError));
}

/**
 * Reads the environment variable of a function; undefined if there are no events.
 *
 * @throws InvalidEventsError
 */
export function eventConfigIn(text: string | undefined): EventConfig | undefined {
  if (text === undefined) return undefined;
  return readEventConfig(parseJson(text, 'events', InvalidEventsError));
}
