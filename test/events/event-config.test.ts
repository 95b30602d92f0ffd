import { describe, expect, it } from '@jest/globals';
import { eventConfigIn, InvalidEventsError, readEventConfig } from '../../lambdas/events/event-config';

describe('the configuration of events', () => {
  it('has the default bus unless another is named', () => {
    expect(readEventConfig({ lifecycle: true })).toEqual({ bus: 'default', lifecycle: true, messages: [] });
    expect(readEventConfig({ bus: 'garage', messages: ['alarms/#'] })).toEqual({
      bus: 'garage',
      lifecycle: false,
      messages: ['alarms/#'],
    });
  });

  it('accepts a bus of another account', () => {
    const bus = 'arn:aws:events:eu-central-1:123456789012:event-bus/partners/garage';

    expect(readEventConfig({ bus, lifecycle: true }).bus).toBe(bus);
  });

  it('is undefined without an environment variable', () => {
    expect(eventConfigIn(undefined)).toBeUndefined();
    expect(eventConfigIn('{"lifecycle":true}')).toMatchObject({ lifecycle: true });
  });

  it.each([
    [[], 'events is [], but must be an object with bus, lifecycle, messages'],
    [{ lifecycle: true, topics: [] }, 'a key of events is "topics", but must be one of bus, lifecycle, messages'],
    [{ bus: 'a b', lifecycle: true }, 'events.bus is "a b", but must be default, the name of an event bus or its ARN'],
    [{ lifecycle: 'yes' }, 'events.lifecycle is "yes", but must be true or false'],
    [{ messages: ['a/#/b'] }, 'events.messages[0] is "a/#/b", but must be a topic filter'],
    [
      { messages: ['a\uffff'] },
      'events.messages[0] is "a\uffff", but must be a topic filter without control characters',
    ],
    [{ messages: ['$share/x/a'] }, 'events.messages[0] is "$share/x/a", but must be a topic filter'],
    [{ bus: 'garage' }, 'events is {"bus":"garage",'],
  ])('is refused if it is %j', (value, message) => {
    expect(() => readEventConfig(value)).toThrow(InvalidEventsError);
    expect(() => readEventConfig(value)).toThrow(message);
  });
});
