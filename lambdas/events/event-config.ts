import { parseJson, readFlag, readList, readObject, readText, refuse } from '../access/checked-json';
import { isShared, isTopicFilter } from '../protocol/topic-filter';

/** What is told to whom. */
export interface EventConfig {
  /** Name or ARN of an EventBridge bus; `default` is the one that every account has. */
  readonly bus: string;
  /** Whether clients that come and go are told of. */
  readonly lifecycle: boolean;
  /** Filters of topics whose messages are told of. */
  readonly messages: readonly string[];
}

const keys = ['bus', 'lifecycle', 'messages'];

/** EventBridge: letters, digits, and `/._-`, up to 256 of them. */
const busName = /^(arn:[\w-]+:events:[a-z0-9-]+:\d{12}:event-bus\/)?[\w./-]{1,256}$/;

/** @throws InvalidAccessError that says where, what and what is allowed. */
export function readEventConfig(value: unknown, where = 'events'): EventConfig {
  const object = readObject(value, where, keys);
  const bus = readText(object.bus ?? 'default', `${where}.bus`);
  if (!busName.test(bus)) refuse(bus, `${where}.bus`, 'default, the name of an event bus or its ARN');
  const config = {
    bus,
    lifecycle: readFlag(object.lifecycle ?? false, `${where}.lifecycle`),
    messages: readList(
      object.messages ?? [],
      `${where}.messages`,
      { min: 0, max: 20, of: 'topic filters' },
      readFilter,
    ),
  };
  if (!config.lifecycle && config.messages.length === 0) {
    refuse(value, where, 'something to tell: "lifecycle": true, or filters in "messages"');
  }
  return config;
}

function readFilter(value: unknown, where: string): string {
  const filter = readText(value, where);
  return isTopicFilter(filter) && !isShared(filter) ? filter : refuse(filter, where, 'a topic filter');
}

/** What a function's environment says; nothing when nobody is told anything. */
export function eventConfigIn(text: string | undefined): EventConfig | undefined {
  return text === undefined ? undefined : readEventConfig(parseJson(text, 'events'));
}
