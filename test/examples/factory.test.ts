import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { apiOf } from '../api/support';
import { hasChromium, startBrowser } from '../support/browser';
import { commandsOf, complaintWithoutBroker, type Run, Stage } from './support/stage';

jest.setTimeout(180_000);

if (!hasChromium) console.warn('there is no Chromium (apt install chromium, or CHROMIUM): the dashboard is NOT tested');

const [factory = '', ...others] = commandsOf('factory');

describe('the factory', () => {
  it('is one command, which complains in a line about what it cannot do', async () => {
    expect(others).toEqual([]);
    expect(await complaintWithoutBroker(factory)).toMatch(/^1: no connection to .* is "npm start" running\?\n$/);
    expect(await complaintWithoutBroker(factory, '--port', '99999')).toMatch(
      /^1: --port is "99999", but must be a whole number from 0 to 65535\nusage: /,
    );
  });

  it('cuts the connection of a sensor, and kills a machine', async () => {
    const stage = await Stage.open();
    const running = stage.type(factory, '--port', '0', '--fail-every', '1');

    await running.says(/the connection of oven\/humidity is cut\n/);
    await running.says(/press has died of SIGKILL; it is started again in 6 s\n/);
    await stage.close();
  });
});

(hasChromium ? describe : describe.skip)('the dashboard', () => {
  const complaints: string[] = [];
  let stage: Stage;
  let browser: Browser;
  let running: Run;
  let oven: number;
  let press: number;
  let page: Page;

  beforeAll(async () => {
    [stage, browser] = await Promise.all([Stage.open(), startBrowser()]);
    running = stage.type(factory, '--port', '0', '--fail-every', '0');
    const [, address = ''] = await running.says(/dashboard: (http:\S+)\n/);
    [oven, press] = [await processOf('oven'), await processOf('press')];
    page = await browser.newPage({ viewport: { width: 360, height: 740 } });
    page.setDefaultTimeout(60_000);
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(address);
  });
  afterAll(async () => {
    await browser.close();
    await stage.close();
  });

  /** Process id of a started machine. */
  const processOf = async (machine: string) =>
    Number((await running.says(new RegExp(`${machine} runs as process (\\d+)\n`)))[1]);

  /** The row of a sensor. */
  const sensor = (machine: string, name: string) =>
    page
      .locator('article', { has: page.getByRole('heading', { name: machine }) })
      .getByRole('listitem')
      .filter({ hasText: name });
  const says = (machine: string, name: string, what: string | RegExp) =>
    sensor(machine, name).filter({ hasText: what }).waitFor();

  it('shows values as they come', async () => {
    await page.getByRole('status').filter({ hasText: 'live' }).waitFor();
    await says('oven', 'temperature', /ALIVE\d+ °C/);
    await says('lathe', 'speed', /ALIVE\d+ rpm/);
    const chart = sensor('lathe', 'speed').locator('polyline');
    const points = await chart.getAttribute('points');

    await sensor('lathe', 'speed').locator(`polyline:not([points="${points}"])`).waitFor({ state: 'attached' });
  });

  it('shows an alarm, to those that come later too', async () => {
    const alarm = () => page.getByRole('listitem').filter({ hasText: /^oven temperature: \d+ °C, above 195$/ });
    await alarm().waitFor();

    await page.reload();
    await alarm().waitFor();
  });

  // The process that would repair it is stopped during the assertions.
  it('shows that a sensor is DEAD whose connection is lost, until it is back', async () => {
    process.kill(oven, 'SIGSTOP');
    await apiOf(stage.cloud).disconnect('factory-oven-humidity', { will: 'publish' });

    await says('oven', 'humidity', 'DEAD');
    expect(await sensor('oven', 'temperature').textContent()).toContain('ALIVE');
    process.kill(oven, 'SIGCONT');
    await says('oven', 'humidity', /ALIVE\d+\.\d %/);
  });

  it('shows that a machine is DEAD that was killed, and ALIVE when it was repaired', async () => {
    running.signal('SIGSTOP');
    process.kill(press, 'SIGKILL');

    await says('press', 'pressure', 'DEAD');
    await says('press', 'vibration', 'DEAD');
    running.signal('SIGCONT');
    await running.says(/press has died of SIGKILL; it is started again in 6 s\n/);
    await processOf('press');
    await says('press', 'pressure', /ALIVE\d+ bar/);
    await says('press', 'vibration', /ALIVE\d\.\d+ mm/);
  });

  it('fits a phone, and keeps its own policy', async () => {
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    expect(complaints).toEqual([]);
  });

  it('names a port that is taken', async () => {
    const port = new URL(page.url()).port;
    const second = stage.type(factory, '--port', port);

    expect(await second.status).toBe(1);
    expect(second.errors).toBe(`port ${port} is taken; choose another with --port\n`);
  });

  it('shows a lost connection, and reconnects', async () => {
    const lost = page.getByRole('status').filter({ hasText: 'connection lost, trying again' }).waitFor();
    for (const connection of stage.cloud.connections()) stage.cloud.faults.cut(connection);

    await lost;
    await page.getByRole('status').filter({ hasText: 'live' }).waitFor();
  });
});
