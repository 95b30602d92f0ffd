import { describe, expect, it } from '@jest/globals';
import { describeReason, describeRefusal } from '../../../console/model/reasons';
import { Reason } from '../../../lambdas/protocol/reason-codes';

describe('the text of a reason code', () => {
  it.each(Object.entries(Reason).filter(([name]) => /[A-Z]/.test(name) && !/grantedQos|[aA]uthenticat/.test(name)))(
    'begins with the name of the specification: %s',
    (name, code) => {
      const text = describeReason(code).split(' (')[0]!;

      expect(text.replaceAll(' ', '').toLowerCase().replace('message', '')).toBe(
        name.toLowerCase().replace('message', ''),
      );
    },
  );

  it('contains the code and a hint', () => {
    expect(describeReason(0x87)).toMatch(/^Not authorized \(0x87\): ./);
    expect(describeReason(0xee)).toBe('Unknown reason (0xee)');
  });

  it.each([
    [1, 0x84],
    [2, 0x85],
    [3, 0x88],
    [4, 0x86],
    [5, 0x87],
    [0x97, 0x97],
  ])('is the same for CONNACK %i of MQTT 3.1.1 as for 0x%i', (code, reason) => {
    expect(describeRefusal(code)).toBe(describeReason(reason));
  });
});
