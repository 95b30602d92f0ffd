import { expect, test } from '@jest/globals';
import { messageSize } from '../../lambdas/protocol/message-size';

const bare = { topic: 'é', payload: Buffer.alloc(10), qos: 1, retain: false } as const;

test('the size of a message is the bytes of its topic, payload and properties', () => {
  expect(messageSize(bare)).toBe(2 + 10);
  const properties = {
    contentType: 'abc',
    responseTopic: 'ab',
    correlationData: Buffer.alloc(7),
    userProperties: [
      ['n', 'é'],
      ['n', ''],
    ] as const,
  };
  expect(messageSize({ ...bare, properties })).toBe(2 + 10 + 3 + 2 + 7 + 1 + 2 + 1);
});
