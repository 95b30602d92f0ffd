/** `npm run screenshots`: creates the images of docs/images, with example messages of a house. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import type { Browser } from 'playwright-core';
import { createWebsocket } from '../../clients/mqttjs';
import { builtConsole } from '../../console/build';
import { type Cloud, startCloud } from '../../local/cloud';
import { hasChromium, startBrowser } from '../support/browser';
import { Visitor } from './support/visitor';

const folder = join(__dirname, '../../docs/images');

const readings: readonly (readonly [topic: string, payload: unknown, retain?: boolean])[] = [
  ['home/kitchen/lamp', { on: true, level: 80 }, true],
  ['home/kitchen/temperature', 21.4],
  ['home/hall/door', 'shut', true],
  ['garden/greenhouse/humidity', 64],
  ['home/kitchen/temperature', 21.5],
  ['garden/pump/state', { running: true, litres: 1204.5, since: '2026-05-04T06:30:00Z' }, true],
  ['home/attic/motion', 'none'],
  ['garden/greenhouse/humidity', 65],
  ['home/kitchen/temperature', 21.5],
  ['alerts/garden', 'pump has run for 20 minutes'],
];

interface House {
  readonly cloud: Cloud;
  readonly browser: Browser;
  readonly hub: MqttClient;
}

async function furnish(cloud: Cloud): Promise<MqttClient[]> {
  const join = (clientId: string, clean = true) =>
    mqtt.connectAsync(cloud.gatewayUrl, {
      createWebsocket,
      clientId,
      clean,
      protocolVersion: 5,
      keepalive: 540,
      ...(!clean && { properties: { sessionExpiryInterval: 86_400 } }),
    });
  const clients = await Promise.all(['hub', 'pump', 'greenhouse', 'doorbell'].map((name) => join(name)));
  const [, pump, , doorbell] = clients;
  await pump?.subscribeAsync(['garden/pump/wish', 'garden/+/moisture'], { qos: 1 });
  await doorbell?.subscribeAsync('home/hall/#', { qos: 0 });
  const tablet = await join('tablet', false);
  await tablet.subscribeAsync(['home/#', 'alerts/#'], { qos: 1 });
  await tablet.endAsync();
  return clients;
}

async function report({ hub }: Pick<House, 'hub'>): Promise<void> {
  for (const [topic, payload, retain = false] of readings) {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const properties = typeof payload === 'object' ? { contentType: 'application/json' } : {};
    await hub.publishAsync(topic, text, { qos: 1, retain, properties });
  }
}

async function moveIn({ cloud, browser, hub }: House, dark: boolean, phone = false): Promise<Visitor> {
  const visitor = await Visitor.open(browser, `http://127.0.0.1:${cloud.port}/`, {
    viewport: phone ? { width: 360, height: 740 } : { width: 1280, height: 800 },
    colorScheme: dark ? 'dark' : 'light',
    deviceScaleFactor: phone ? 2 : 1.25,
    isMobile: phone,
  });
  await visitor.connect({ clientId: 'console-ann' });
  for (const filter of ['home/#', 'garden/#', 'alerts/#']) await visitor.subscribe(filter);
  await report({ hub });
  await visitor.message('pump has run').waitFor();
  return visitor;
}

async function takePictures(house: House): Promise<void> {
  const picture = (visitor: Visitor, name: string) => visitor.page.screenshot({ path: join(folder, `${name}.png`) });

  const byDay = await moveIn(house, false);
  await byDay.publish('home/kitchen/lamp/set', '{"on":false}');
  await byDay.outcome();
  await byDay.message('litres').click();
  await picture(byDay, 'console-light');
  await byDay.leave();

  const byNight = await moveIn(house, true);
  await byNight.goTo('Clients');
  await byNight.client('pump').click();
  await byNight.details('Client').getByText('garden/pump/wish').waitFor();
  await picture(byNight, 'console-dark');
  await byNight.leave();

  const onTheGo = await moveIn(house, true, true);
  await onTheGo.goTo('Topics');
  await onTheGo.page.getByLabel('Filter topics').fill('e');
  await onTheGo.topic('state').click();
  await onTheGo.page.getByRole('tablist').scrollIntoViewIfNeeded();
  await onTheGo.page.getByRole('tablist').evaluate('(list) => list.scrollIntoView()');
  await picture(onTheGo, 'console-phone');
  await onTheGo.leave();
}

async function main(): Promise<void> {
  if (!hasChromium) throw new Error('pictures need Chromium: apt install chromium, or set CHROMIUM');
  mkdirSync(folder, { recursive: true });
  const cloud = await startCloud({ console: builtConsole() });
  const browser = await startBrowser();
  const clients = await furnish(cloud);
  await takePictures({ cloud, browser, hub: clients[0]! });
  await Promise.all(clients.map((client) => client.endAsync(true)));
  await browser.close();
  await cloud.stop();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
