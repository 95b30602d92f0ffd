import { describe, expect } from '@jest/globals';
import { handlePingreq } from '../../../lambdas/protocol/packets/pingreq';
import { clause } from '../../support/clause';

describe('PINGREQ', () => {
  clause('v3 MQTT-3.12.4-1', 'is answered with PINGRESP', () => {
    expect(handlePingreq()).toEqual([{ do: 'send', packet: { cmd: 'pingresp' } }]);
  });
});
