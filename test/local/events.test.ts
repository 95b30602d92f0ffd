import {
  EventBridgeClient,
  ListEventBusesCommand,
  PutEventsCommand,
  type PutEventsRequestEntry,
} from '@aws-sdk/client-eventbridge';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type Cloud, startCloud } from '../../local/cloud';

const at = new Date('2027-01-15T08:00:00.123Z');
const entry: PutEventsRequestEntry = {
  EventBusName: 'garage',
  Source: 'test',
  DetailType: 'Something Happened',
  Time: at,
  Detail: '{"name":"müller"}',
};

describe("EventBridge of the local cloud, asked by the SDK's own client", () => {
  let cloud: Cloud;
  let client: EventBridgeClient;
  beforeAll(async () => {
    cloud = await startCloud({ containers: 1 });
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    client = new EventBridgeClient({ endpoint: cloud.endpoints.events, region: 'us-east-1', credentials });
  });
  afterEach(() => cloud.faults.clear());
  afterAll(async () => {
    client.destroy();
    await cloud.stop();
  });

  const put = (...Entries: PutEventsRequestEntry[]) => client.send(new PutEventsCommand({ Entries }));

  it('accepts events, and returns their ids', async () => {
    const { FailedEntryCount, Entries = [] } = await put(entry, { ...entry, EventBusName: undefined });

    expect(FailedEntryCount).toBe(0);
    expect(Entries.map(({ EventId }) => EventId)).toEqual([expect.any(String), expect.any(String)]);
    expect(cloud.events().slice(-2)).toEqual([
      {
        bus: 'garage',
        source: 'test',
        detailType: 'Something Happened',
        time: at.getTime() / 1000,
        detail: { name: 'müller' },
      },
      expect.objectContaining({ bus: 'default' }),
    ]);
  });

  it.each([
    ['no source', { Source: undefined }, 'InvalidArgument'],
    ['no kind', { DetailType: undefined }, 'InvalidArgument'],
    ['no detail', { Detail: undefined }, 'InvalidArgument'],
    ['a detail that is no JSON', { Detail: '{' }, 'MalformedDetail'],
    ['a detail that is no object', { Detail: '[]' }, 'MalformedDetail'],
  ])('refuses an entry with %s, and takes its neighbour', async (_what, fields, code) => {
    const { FailedEntryCount, Entries = [] } = await put({ ...entry, ...fields }, entry);

    expect(FailedEntryCount).toBe(1);
    expect(Entries.map(({ ErrorCode }) => ErrorCode)).toEqual([code, undefined]);
  });

  it.each([
    ['no entries', []],
    ['eleven', Array.from({ length: 11 }, () => entry)],
    ['more than 256 KB', [{ ...entry, Detail: JSON.stringify('x'.repeat(262_144)) }]],
  ])('refuses a call with %s', async (_what, entries) => {
    await expect(put(...entries)).rejects.toMatchObject({ name: 'ValidationException' });
  });

  it('returns which entries of a call it has refused', async () => {
    await cloud.faults.set({ fault: 'call', service: 'events', outcome: 'partial', times: 1 });
    const { FailedEntryCount, Entries = [] } = await put(entry, entry);

    expect(FailedEntryCount).toBe(1);
    expect(Entries.map(({ ErrorCode }) => ErrorCode)).toEqual([undefined, 'InternalFailure']);
  });

  it.each(['throttle', 'fail'] as const)('is retried after a %s, as its errors require', async (outcome) => {
    await cloud.faults.set({ fault: 'call', service: 'events', outcome, times: 2 });

    expect(await put(entry)).toMatchObject({ FailedEntryCount: 0 });
    expect(cloud.faults.report()[0]?.struck).toBe(2);
  });

  it('refuses an unknown operation', async () => {
    await expect(client.send(new ListEventBusesCommand({}))).rejects.toMatchObject({
      name: 'UnknownOperationException',
    });
  });
});
