/** Proved elsewhere: the origin of leftovers: test/faults/leftovers.test.ts; their cost: test/hostile/leftovers.test.ts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StrandedSessions } from '../../hostile/stranded-sessions';
import { Broker5 } from '../../support/broker5';
import { leftoversIn, walkTables } from '../../support/table-walk';

const minute = 60_000;
const day = 24 * 60 * minute;
/** 03:17 UTC. */
const timeOfDay = (3 * 60 + 17) * minute;

describe('the daily removal of leftovers', () => {
  let broker: Broker5;
  let stranded: StrandedSessions;
  const keys = async () => (await walkTables(broker.cloud)).map(({ table, key }) => `${table} ${key}`).sort();

  beforeAll(async () => {
    broker = await Broker5.start();
    broker.cloud.clock.hold();
    stranded = new StrandedSessions(broker.cloud, 'said/+', 'device');
  });

  afterAll(() => {
    stranded.stop();
    return broker.stop();
  });

  /** Returns when the run of the next day is over, and all that it has requested. */
  async function nextRun(): Promise<void> {
    const { clock } = broker.cloud;
    await broker.cloud.settled();
    const wait = (timeOfDay - (clock.now() % day) + day) % day;
    clock.jump(wait === 0 ? day : wait); // then the schedule runs
    await sleep(5); // timers fire in the next turn
    await broker.cloud.settled();
  }

  it('removes rows without an owner from every table, reports their number, and keeps everything else', async () => {
    const away = await broker.resume('away');
    await away.subscribe({ topic: 'said/+', qos: 1 });
    await broker.lose(away);
    await stranded.away('away long since');
    const before = await keys();
    for (let index = 0; index < 5; index++) {
      await stranded.expired(`expired ${index}`);
      await stranded.ownedByNobody(`owned by nobody ${index}`);
      await stranded.headless(`headless ${index}`);
    }
    expect(await leftoversIn(broker.cloud)).not.toEqual([]);

    await nextRun();
    const wills = await leftoversIn(broker.cloud); // they do not tell their age, and are removed when they are found again
    expect(wills.filter((row) => !/^sessions will (headless|away long since)/.test(row))).toEqual([]);
    await nextRun();

    expect((await leftoversIn(broker.cloud)).filter((row) => !row.startsWith('sessions will away'))).toEqual([]);
    const after = new Set(await keys());
    expect(before.filter((key) => !after.has(key) && !key.includes('will#'))).toEqual([]);
    expect(broker.older.logged('leftovers')).toEqual([
      expect.objectContaining({ sessions: 10, subscriptions: 5, subscribers: 5, messages: 5, wills: 0, isWhole: true }),
      expect.objectContaining({ sessions: 0, subscriptions: 0, subscribers: 0, messages: 0, wills: 6, isWhole: true }),
    ]);
  });

  it('keeps rows that a session has just written, and writes nothing if there are no leftovers', async () => {
    const client = await broker.connect('here', { keepalive: 0 });
    await client.subscribe({ topic: 'said/+', qos: 1 });
    for (let run = 0; run < 3; run++) await nextRun(); // until the shape check of the other test is over
    await broker.cloud.resetBill();
    const before = await keys();
    await nextRun();

    expect(await keys()).toEqual(before);
    expect((await broker.cloud.bill()).dynamodb.writes).toBe(0);
  });
});
