import { describe, expect, it } from '@jest/globals';
import { describeReason, describeRefusal } from '../../../console/model/reasons';
import { Reason } from '../../../lambdas/protocol/reason-codes';

describe('the words for a reason code', () => {
  it.each(Object.entries(Reason).filter(([name]) => /[A-Z]/.test(name) && !/grantedQos|[aA]uthenticat/.test(name)))(
    'are those of the specification: %s',
    (name, code) => {
      const words = describeReason(code).split(' (')[0]!;

      expect(words.replaceAll(' ', '').toLowerCase().replace('message', '')).toBe(
        name.toLowerCase().replace('message', ''),
      );
    },
  );

  it('have the code, and what one can do', () => {
    expect(describeReason(0x87)).toBe('Not authorized (0x87): no rule of the broker allows it');
    expect(describeReason(0xee)).toBe('Unknown reason (0xee)');
  });

  it.each([
    [1, 0x84],
    [2, 0x85],
    [3, 0x88],
    [4, 0x86],
    [5, 0x87],
    [0x97, 0x97],
  ])('are the same for CONNACK %i of MQTT 3.1.1 as for 0x%i', (code, reason) => {
    expect(describeRefusal(code)).toBe(describeReason(reason));
  });
});
