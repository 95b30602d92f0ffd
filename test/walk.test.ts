import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join, normalize, relative } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { generate } from 'mqtt-packet';
import type { ConnectionEvent } from '../lambdas/broker/model/connection-event';
import { Broker } from '../lambdas/broker/turn/broker';
import { settingsFromEnvironment } from '../lambdas/settings';
import { toConnectionEvent } from '../lambdas/transport/gateway-event';
import { portsBeside } from './support/ports-beside';
import { TestBroker } from './support/test-broker';
import { publishPacket } from './support/text-client';

jest.setTimeout(60_000);

const root = join(__dirname, '..');

/** Files of the walk in docs/architecture.md, in order. */
function walkedFiles(): string[] {
  const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const [, section = ''] = page.split('## One QoS 1 PUBLISH, file by file');
  const [table = ''] = section.split('\n## ');
  return [...table.matchAll(/^\|.*?\]\(([^)]+)\)/gm)].map(([, link = '']) => normalize(join('docs', link)));
}

/** Files of the walk that hold only data for others: no function of them runs. */
const withoutCode = ['lib/packet-template.ts', 'lambdas/on-packets.ts', 'lambdas/protocol/effects.ts'];

/** Files in which a function runs during `work`, constructors aside. */
async function filesRunBy(work: () => Promise<unknown>): Promise<Set<string>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  await session.post('Profiler.takePreciseCoverage');
  await work();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  session.disconnect();
  const ran = result.filter(({ functions }) =>
    functions.some(({ functionName, ranges: [range] }) => !/^[A-Z]/.test(functionName) && (range?.count ?? 0) > 0),
  );
  return new Set(ran.map(({ url }) => relative(root, url.replace('file://', ''))));
}

it('walks a QoS 1 PUBLISH in at most 40 files, all of which run', async () => {
  const settings = settingsFromEnvironment({});
  const broker = await TestBroker.start({ settings });
  try {
    const subscriber = await broker.connect('subscriber');
    await subscriber.subscribe(1, 'a/b');
    const others = new Set(broker.cloud.connections());
    await broker.connect('publisher');
    await broker.cloud.settled();
    const connectionId = broker.cloud.connections().find((id) => !others.has(id)) ?? '';
    const ports = portsBeside(broker.cloud, settings);
    const container = new Broker(ports, settings);
    const { lastNumber = 0 } = (await ports.connectionStore.read(connectionId)) ?? {};
    const frame = (index: number) => {
      const bytes = generate(publishPacket('a/b', 'x', { qos: 1, messageId: index }));
      return { id: `frame ${index}`, text: `${lastNumber + index}.${bytes.toString('base64')}` };
    };
    const publish = async (index: number) => {
      const { id, text } = frame(index);
      expect(await container.receive([eventOf(connectionId, { id, text })])).toEqual([]);
    };
    await publish(1); // from now on the container remembers the connection

    const walked = walkedFiles();
    const ran = await filesRunBy(() => publish(2));

    expect(walked.length).toBeLessThanOrEqual(40);
    expect(walked.filter((file) => !ran.has(file) && !withoutCode.includes(file))).toEqual([]);
  } finally {
    await broker.stop();
  }
});

/** The event of a frame, as the packets queue delivers it. */
function eventOf(connectionId: string, { id, text }: { readonly id: string; readonly text: string }): ConnectionEvent {
  const attribute = (stringValue: string) => ({ stringValue, dataType: 'String' as const });
  const now = String(Date.now());
  return toConnectionEvent({
    messageId: id,
    receiptHandle: '',
    body: text,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: now,
      SenderId: '',
      ApproximateFirstReceiveTimestamp: now,
      MessageGroupId: connectionId,
    },
    messageAttributes: {
      event: attribute('message'),
      receivedAt: attribute(now),
      connectedAt: attribute(now),
      address: attribute('192.0.2.1'),
    },
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: '',
    awsRegion: '',
  });
}
