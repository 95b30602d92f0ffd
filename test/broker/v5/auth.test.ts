/*
 * Of clients without an exchange. Proved elsewhere: exchanges: test/broker/access/scram.test.ts; a CONNECT that asks for a method
 *   there is not: connect.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Broker5 } from '../../support/broker5';
import { clause } from '../../support/clause';
import { connectPacket } from '../../support/client5';
import { hex } from '../../support/packets';

describe('AUTH', () => {
  let broker: Broker5;

  beforeAll(async () => {
    broker = await Broker5.start();
  });

  afterAll(() => broker.stop());

  for (const reasonCode of [0x18, 0x19]) {
    clause(
      ['MQTT-4.12.1-2', 'MQTT-4.13.1-1'],
      `with 0x${reasonCode.toString(16)} by a client that named no method ends the connection with 0x82`,
      async () => {
        const client = await broker.connect('a');
        client.send({ cmd: 'auth', reasonCode, properties: { authenticationMethod: 'SCRAM-SHA-1' } });

        expect(await client.farewell()).toMatchObject({ reasonCode: 0x82 });
      },
    );
  }

  for (const [what, code, bytes] of [
    ['without a method', 0x82, 'f0 02 18 00'],
    ['that says success, as only servers do', 0x82, 'f0 00'],
    ['with a code it does not have', 0x82, 'f0 08 87 06 15 0003 61 62 63'],
    ['with reserved flags', 0x81, 'f1 08 18 06 15 0003 61 62 63'],
  ] as const) {
    clause('MQTT-4.13.1-1', `${what} ends the connection with 0x${code.toString(16)}`, async () => {
      const client = await broker.connect('a');
      client.sendBytes(hex(bytes));

      expect(await client.farewell()).toMatchObject({ reasonCode: code });
    });
  }

  it('before CONNECT ends the connection', async () => {
    const client = await broker.open();
    client.sendBytes(hex('f0 08 18 06 15 0003 61 62 63'));
    await client.closed();

    expect(client.rest()).toEqual([]);
  });

  it('behind a CONNECT that was refused for its method is not read', async () => {
    const client = await broker.open();
    const properties = { authenticationMethod: 'SCRAM-SHA-1', authenticationData: Buffer.from('n,,n=user') };
    client.send(connectPacket('a', { properties }), { cmd: 'auth', reasonCode: 0x18, properties });
    await client.closed();

    expect(client.rest()).toMatchObject([{ cmd: 'connack', reasonCode: 0x8c }]);
  });

  clause('MQTT-4.12.0-6', 'is never sent, nor a method named, to a client that named none', async () => {
    const client = await broker.open();
    client.send({ ...connectPacket('a'), username: 'user', password: Buffer.from('secret') });
    const { reasonCode, properties } = await client.next('connack');
    await client.ping();

    expect(reasonCode).toBe(0);
    expect(properties).not.toHaveProperty('authenticationMethod');
    expect(client.rest()).toEqual([]);
  });

  it('of a client of MQTT 3.1.1 ends its connection without a word', async () => {
    const older = await broker.older.connect('older');
    older.sendBytes(hex('f0 00'));
    await older.closed();

    expect(older.rest()).toEqual([]);
  });
});
