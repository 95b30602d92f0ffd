import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import mqtt, { type MqttClient } from 'mqtt';
import type { Browser } from 'playwright-core';
import { createWebsocket } from '../../clients/mqttjs';
import { builtConsole } from '../../console/build';
import { naming } from '../cli/naming';
import { hasChromium, startBrowser } from '../support/browser';
import { GuardedBroker } from '../support/guarded-broker';
import { Visitor } from './support/visitor';

if (!hasChromium) console.warn('there is no Chromium (apt install chromium, or CHROMIUM): the console is NOT tested');

(hasChromium ? describe : describe.skip)('the console', () => {
  let guarded: GuardedBroker;
  let browser: Browser;
  let visitors: Visitor[] = [];
  const others: MqttClient[] = [];

  beforeAll(async () => {
    [guarded, browser] = await Promise.all([
      GuardedBroker.start({ anonymous: 'everything' }, { console: builtConsole() }),
      startBrowser(),
    ]);
    await guarded.addUser('alice', 'sesame', { rules: [{ actions: ['subscribe'], topics: ['alice/#'] }] });
  }, 180_000);

  afterEach(async () => {
    for (const other of others.splice(0)) await other.endAsync(true);
    // The browser logs a violation of the policy as an error, so that every test checks the policy.
    expect(visitors.flatMap(({ complaints }) => complaints)).toEqual([]);
    await Promise.all(visitors.map((visitor) => visitor.leave()));
    visitors = [];
  });

  afterAll(async () => {
    await browser?.close();
    await guarded?.stop();
  });

  const visit = async (options?: Parameters<typeof Visitor.open>[2]) => {
    const visitor = await Visitor.open(browser, `http://127.0.0.1:${guarded.cloud.port}/`, options);
    visitors.push(visitor);
    return visitor;
  };

  /** Another client of the broker. */
  const join = async (clientId: string, filter: string) => {
    const other = await mqtt.connectAsync(guarded.cloud.gatewayUrl, { createWebsocket, clientId, protocolVersion: 5 });
    others.push(other);
    await other.subscribeAsync(filter, { qos: 2 });
    return other;
  };

  it('connects to its broker and receives its own messages at QoS 2', async () => {
    const visitor = await visit();
    expect(await visitor.page.getByLabel('Address').inputValue()).toBe(guarded.cloud.gatewayUrl);

    await visitor.connect();
    await visitor.subscribe('hall/#', '2');
    await visitor.publish('hall/lamp', 'on', '2');

    expect(await visitor.outcome()).toMatch(/^acknowledged at QoS 2 after \d+ ms$/);
    await visitor.message('hall/lamp').waitFor();
    expect(await visitor.message('hall/lamp').textContent()).toContain('on');
  });

  it('supports MQTT 3.1.1', async () => {
    const visitor = await visit();

    await visitor.connect({ version: '3.1.1' });
    await visitor.subscribe('old/#');
    await visitor.publish('old/lamp', 'on');

    await visitor.message('old/lamp').waitFor();
    expect(await visitor.page.getByText('Properties of MQTT 5.0').count()).toBe(0);
  });

  it.each(['5.0', '3.1.1'] as const)('shows the reason of a refused login with MQTT %s', async (version) => {
    const visitor = await visit();

    await visitor.fillIn({ version, username: 'alice', password: 'wrong' });
    await visitor.press('Connect');

    await visitor.page.getByText('refused: Bad User Name or Password (0x86)').waitFor();
    await visitor.sees('offline');
  });

  it('shows refusals of the broker and violations of the protocol', async () => {
    const visitor = await visit();
    await visitor.connect({ username: 'alice', password: 'sesame' });

    await visitor.page.getByLabel('Topic filter').fill('bob/#');
    await visitor.press('Subscribe');
    await visitor.page.getByText('Not authorized (0x87)').waitFor();
    await visitor.publish('alice/door', 'open');
    expect(await visitor.outcome()).toContain('Not authorized (0x87)');
    await visitor.publish('alice/+', 'open');
    expect(await visitor.outcome()).toMatch(naming('"alice/+" wildcards'));
  });

  it.each(['5.0', '3.1.1'] as const)(
    'refuses an oversized message of MQTT %s, and stays connected',
    async (version) => {
      const visitor = await visit();
      let connections = 0;
      visitor.page.on('websocket', () => {
        connections += 1;
      });
      await visitor.connect({ version });

      for (const qos of ['0', '1', '2'] as const) {
        await visitor.publish('x/page', 'x'.repeat(98_400), qos);
        expect(await visitor.outcome()).toMatch(/98,4\d\d .*97,280/);
      }
      await visitor.publish('x/page', 'small');

      expect(await visitor.outcome()).toMatch(/^acknowledged at QoS 1/);
      await visitor.sees('online');
      expect(connections).toBe(1);
    },
  );

  it('shows an unreachable broker, and connects to no other broker than its own', async () => {
    const visitor = await visit();

    await visitor.page.getByLabel('Address').fill('ws://127.0.0.1:1/mqtt');
    await visitor.press('Connect');
    await visitor.page.getByText('ws://127.0.0.1:1/mqtt').waitFor();
    await visitor.page.getByLabel('Address').fill('wss://broker.example/mqtt');
    await visitor.press('Connect');
    await visitor.page.getByText('wss://broker.example').waitFor();

    const ofBrowser = visitor.complaints.splice(0);
    expect(ofBrowser.some((line) => line.includes('ERR_UNSAFE_PORT') || line.includes('ERR_CONNECTION'))).toBe(true);
    expect(ofBrowser.filter((line) => line.includes('Content Security Policy'))).toHaveLength(1);
  });

  it('sends and shows all properties of MQTT 5.0, and payloads as text, JSON and hex', async () => {
    const visitor = await visit();
    await visitor.connect();
    await visitor.subscribe('all/#');
    await visitor.page.getByText('Properties of MQTT 5.0').click();
    await visitor.page.getByLabel('Content type').fill('application/json');
    await visitor.page.getByLabel('Expiry', { exact: true }).fill('60');
    await visitor.page.getByLabel('Response topic').fill('all/answers');
    await visitor.page.getByLabel('Correlation data').fill('0x00ff');
    await visitor.page.getByLabel('User properties').fill('room: hall\nroom: attic');
    await visitor.page.getByLabel('Payload is UTF-8').check();

    await visitor.publish('all/lamp', '{"id":12345678901234567890,"on":[]}');
    await visitor.message('all/lamp').click();

    const details = visitor.details('Message');
    expect(await details.getByLabel('Payload', { exact: true }).textContent()).toBe(
      '{\n  "id": 12345678901234567890,\n  "on": []\n}',
    );
    expect(await details.getByRole('row').allTextContents()).toEqual([
      'Payload formatUTF-8',
      expect.stringMatching(/^Expires in(59|60) s$/),
      'Content typeapplication/json',
      'Response topicall/answers',
      'Correlation data00 ff',
      '“room”hall',
      '“room”attic',
    ]);
    await details.getByRole('radio', { name: 'Hex' }).check();
    expect(await details.getByLabel('Payload', { exact: true }).textContent()).toMatch(
      /^000000 {2}7b 22 69 64 .* {2}\{"id":1234567890/,
    );
    await details.getByRole('button', { name: 'Respond' }).click();
    expect(await visitor.publishForm.getByLabel('Topic', { exact: true }).inputValue()).toBe('all/answers');
  });

  it('shows markup and scripts as text', async () => {
    const visitor = await visit();
    const other = await join('prankster', 'nothing');
    const markup = '<img src="x" onerror="document.title=1"><script>document.title=2</script>';
    await visitor.connect();
    await visitor.subscribe('prank/#');

    await other.publishAsync(`prank/${markup.replaceAll('/', '')}`, markup, { properties: { contentType: markup } });
    await visitor.message('prank').click();

    expect(await visitor.details('Message').getByLabel('Payload', { exact: true }).textContent()).toBe(markup);
    expect(await visitor.page.locator('img, script:not([src])').count()).toBe(0);
    expect(await visitor.page.title()).toBe('cirrus-mqtt console');
  });

  it('pauses, filters, clears and unsubscribes', async () => {
    const visitor = await visit();
    const other = await join('talker', 'nothing');
    await visitor.connect();
    await visitor.subscribe('talk/#');
    await other.publishAsync('talk/one', 'first', { qos: 1 });
    await visitor.message('first').waitFor();

    await visitor.press('Pause');
    await other.publishAsync('talk/two', 'second', { qos: 1 });
    await visitor.page.getByRole('button', { name: 'Resume (1 new)' }).click();
    await visitor.message('second').waitFor();
    await visitor.page.getByLabel('Filter messages').fill('SECOND');
    await visitor.page.getByText('1 of 2').waitFor();
    await visitor.goTo('Topics');
    await visitor.goTo('Messages');
    expect(await visitor.page.getByLabel('Filter messages').inputValue()).toBe('SECOND');
    expect(await visitor.message('first').count()).toBe(0);
    await visitor.press('Clear');
    await visitor.page.getByText('No matches.').waitFor();

    await visitor.press('Unsubscribe from talk/#');
    await visitor.page.getByRole('button', { name: 'Unsubscribe from talk/#' }).waitFor({ state: 'detached' });
    await other.publishAsync('talk/three', 'third', { qos: 1 });
    await visitor.publish('talk/four', 'fourth');
    await visitor.outcome();
    expect(await visitor.message('talk').count()).toBe(0);
  });

  it('keeps a bounded number of messages, and renders only visible rows', async () => {
    const visitor = await visit();
    const other = await join('flood', 'nothing');
    await visitor.connect();
    await visitor.subscribe('flood/#', '0');

    for (let n = 1; n <= 6_000; n += 1) other.publish(`flood/${n % 50}`, `message ${n}`);
    await visitor.message('message 6000').waitFor();

    expect(await visitor.page.getByRole('status', { name: 'Messages shown' }).textContent()).toBe('5,000');
    expect(await visitor.page.getByRole('option').count()).toBeLessThan(100);
    await visitor.page.getByLabel('Filter messages').fill('message 5999');
    await visitor.page.getByText('1 of 5,000').waitFor();
    expect(await visitor.message('').count()).toBe(1);
  });

  it('lists retained messages as a tree, shows and clears them', async () => {
    const visitor = await visit();
    const other = await join('keeper', 'nothing');
    await other.publishAsync('kept/cellar/pump', 'idle', { qos: 1, retain: true });

    await visitor.goTo('Topics');
    await visitor.topic('kept').click();
    await visitor.page.keyboard.press('ArrowRight');
    await visitor.page.keyboard.press('ArrowDown');
    await visitor.page.keyboard.press('ArrowRight');
    await visitor.topic('pump').click();
    const details = visitor.details('Topic');
    await details.getByText('idle').waitFor();

    await visitor.connect();
    await details.getByRole('button', { name: 'Clear retained' }).click();
    await details.getByText('retained message is cleared').waitFor();
    const heard: string[] = [];
    other.on('message', (topic) => heard.push(topic));
    await other.subscribeAsync('kept/#');
    await other.subscribeAsync('keeper/end');
    await other.publishAsync('keeper/end', '', { qos: 1 });
    await guarded.cloud.settled();
    expect(heard).toEqual(['keeper/end']);
  });

  it('shows clients with subscriptions and queue, and disconnects them', async () => {
    const visitor = await visit();
    const other = await join('pump-7', 'pumps/+/wish');
    const ended = new Promise<number | undefined>((resolve) => {
      other.once('disconnect', ({ reasonCode }) => resolve(reasonCode));
    });

    await visitor.goTo('Clients');
    await visitor.client('pump-7').click();
    const details = visitor.details('Client');
    await details.getByText('pumps/+/wish').waitFor();
    expect(await details.getByRole('row', { name: 'Queue' }).textContent()).toMatch(/^Queue0 /);
    await details.getByRole('button', { name: 'Disconnect', exact: true }).click();

    expect(await ended).toBe(0x98);
  });

  it('discards or publishes the will of a client on disconnect', async () => {
    const visitor = await visit();
    const lost = async (clientId: string) => {
      const will = { topic: `wills/${clientId}`, payload: Buffer.from('lost'), qos: 1 as const, retain: false };
      const options = { createWebsocket, clientId, will, reconnectPeriod: 0, protocolVersion: 5 as const };
      others.push(await mqtt.connectAsync(guarded.cloud.gatewayUrl, options));
    };
    await lost('without');
    await lost('with');
    await visitor.connect();
    await visitor.subscribe('wills/#');
    await visitor.goTo('Clients');

    for (const [clientId, button] of [
      ['without', 'Disconnect without will'],
      ['with', 'Disconnect'],
    ] as const) {
      await visitor.page.getByLabel('Filter clients').fill(clientId);
      await visitor.client(clientId).first().waitFor();
      await visitor.page
        .getByRole('option')
        .filter({ has: visitor.page.getByText(clientId, { exact: true }) })
        .click();
      await visitor.details('Client').getByRole('button', { name: button, exact: true }).click();
      await visitor.details('Client').waitFor({ state: 'detached' });
    }
    await visitor.goTo('Messages');

    await visitor.message('wills/with').waitFor();
    await guarded.cloud.settled();
    expect(await visitor.message('wills/').count()).toBe(1);
  });

  it('receives the will of another tab that was killed', async () => {
    const visitor = await visit();
    await visitor.connect();
    await visitor.subscribe('tabs/#');
    const victim = await visit();
    await victim.connect({ clientId: 'tab-2', will: { topic: 'tabs/2', payload: 'gone without a word' } });

    await victim.leave();

    await visitor.message('gone without a word').waitFor();
  });

  it('reconnects after a lost connection, with its subscriptions', async () => {
    const visitor = await visit();
    await visitor.connect({ clientId: 'cut-me' });
    await visitor.subscribe('cuts/#');
    const other = await join('steady', 'nothing');
    const [mine = ''] = guarded.cloud.connections().slice(-2);

    guarded.cloud.faults.cut(mine);
    await visitor.sees('reconnecting');
    await visitor.sees('online');
    await guarded.cloud.settled();
    await other.publishAsync('cuts/after', 'still here', { qos: 1 });

    await visitor.message('still here').waitFor();
  });

  it('does not reconnect after its session is taken over, and shows the reason', async () => {
    const visitor = await visit();
    await visitor.connect({ clientId: 'same' });

    await join('same', 'nothing');

    await visitor.page.getByText('Session taken over (0x8e)').waitFor();
    await visitor.sees('offline');
  });

  it('connects and publishes by keyboard alone', async () => {
    const visitor = await visit();
    const other = await join('listener', 'keys/#');
    const heard = new Promise<string>((resolve) => {
      other.once('message', (topic, payload) => resolve(`${topic} ${payload}`));
    });
    const { keyboard } = visitor.page;
    const tabTo = async (name: string) => {
      for (let presses = 0; presses < 60; presses += 1) {
        await keyboard.press('Tab');
        if ((await visitor.page.evaluate('document.activeElement.labels?.[0]?.textContent')) === name) return;
      }
      throw new Error(`Tab does not lead to ${name}`);
    };

    await tabTo('Client id');
    await keyboard.press('Enter');
    await visitor.sees('online');
    await tabTo('Topic');
    await keyboard.type('keys/one');
    await tabTo('Payload');
    await keyboard.type('typed');
    await keyboard.press('Control+Enter');

    expect(await heard).toBe('keys/one typed');
    await visitor.page.getByRole('tab', { name: 'Messages' }).focus();
    await keyboard.press('ArrowRight');
    expect(await visitor.page.getByRole('tab', { name: 'Topics' }).getAttribute('aria-selected')).toBe('true');
  });

  it('fits a screen of 360 pixels', async () => {
    const visitor = await visit({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    await visitor.connect();
    await visitor.subscribe(`narrow/${'long/'.repeat(12)}#`);
    await visitor.publish(`narrow/${'long/'.repeat(12)}topic`, 'x'.repeat(400));
    await visitor.message('narrow').click();

    for (const tab of ['Messages', 'Topics', 'Clients', 'Costs'] as const) {
      await visitor.goTo(tab);
      expect(await visitor.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    }
  });

  it('has two colour schemes, by default the one that the browser prefers', async () => {
    const visitor = await visit({ colorScheme: 'dark' });
    const ground = () => visitor.page.evaluate('getComputedStyle(document.body).backgroundColor');

    const dark = await ground();
    await visitor.press('Colours: system');
    await visitor.page.getByRole('button', { name: 'Colours: light' }).waitFor();
    const light = await ground();
    await visitor.press('Colours: light');
    await visitor.page.getByRole('button', { name: 'Colours: dark' }).waitFor();

    expect(light).not.toBe(dark);
    expect(await ground()).toBe(dark);
  });

  it('shows the cost of each operation, from the bill of the local cloud', async () => {
    const visitor = await visit();
    await visitor.goTo('Costs');
    const entry = (what: string) =>
      visitor.page.getByRole('list', { name: 'Costs of operations' }).getByRole('listitem').filter({ hasText: what });
    await visitor.connect();
    await entry('connect console-').waitFor();

    for (const [qos, used] of [
      // Queues and functions also handle the disconnects of earlier tests.
      ['0', /\d1 frame in, \d+ queue requests, /],
      ['1', /\d1 frame in, 1 post, \d+ queue requests, /],
      ['2', /\d2 frames in, 2 posts, \d+ queue requests, /],
    ] as const) {
      await visitor.publish('costs/one', 'x', qos);
      await entry(`publish QoS ${qos} costs/one`).waitFor();
      expect(await entry(`publish QoS ${qos} costs/one`).textContent()).toMatch(used);
    }
    expect(await visitor.page.getByRole('row', { name: 'DynamoDB' }).textContent()).toMatch(
      /\d+ reads, \d+ writes\$0\.0/,
    );
  });

  it('asks for credentials when deployed, does not store them, and has no bill', async () => {
    const { gatewayUrl, apiUrl } = guarded.cloud;
    const visitor = await visit({ config: { broker: gatewayUrl, api: { url: apiUrl, region: 'eu-west-1' } } });
    const { page } = visitor;
    const signIn = async (secret: string) => {
      await page.getByLabel('Access key id').fill('local');
      await page.getByLabel('Secret access key').fill(secret);
      await visitor.press('Use them');
    };
    expect(await page.getByLabel('Address').inputValue()).toBe(gatewayUrl);
    expect(await page.getByRole('tab').allTextContents()).toEqual(['Messages', 'Topics', 'Clients']);
    await visitor.connect({ clientId: 'operator' });

    await visitor.goTo('Clients');
    await signIn('wrong');
    await page.getByText('IAM denies the request').waitFor();
    await visitor.press('Other credentials');
    await signIn('local');

    await visitor.client('operator').waitFor();
    expect(await page.evaluate('Object.keys({ ...localStorage, ...sessionStorage })')).toEqual(['cirrus-mqtt-theme']);
    expect(visitor.complaints.splice(0)).toEqual([expect.stringContaining('403')]);
  });

  it('works without the API', async () => {
    const visitor = await visit({ config: { broker: guarded.cloud.gatewayUrl } });

    await visitor.goTo('Clients');
    await visitor.page.getByText('without the API for backends').waitFor();
    await visitor.goTo('Topics');

    expect(await visitor.page.getByRole('button', { name: 'List retained' }).count()).toBe(0);
  });

  it('gives every control a name', async () => {
    const visitor = await visit();
    await visitor.connect();
    const nameless = `[...document.querySelectorAll('button, input, select, textarea, [role=listbox], [role=tree]')].filter(
      (each) => !(each.labels?.length || each.getAttribute('aria-label') || each.textContent.trim())
    ).map((each) => each.outerHTML)`;

    for (const tab of ['Messages', 'Topics', 'Clients', 'Costs'] as const) {
      await visitor.goTo(tab);
      expect(await visitor.page.evaluate(nameless)).toEqual([]);
    }
  });

  describe('shows a part of a hostile message, and stays responsive', () => {
    const size = 96_000;
    const hostile: readonly (readonly [string, string | Buffer])[] = [
      ['nested JSON', '['.repeat(size / 2) + ']'.repeat(size / 2)],
      ['nested objects', `${'{"a":'.repeat(12_000)}1${'}'.repeat(12_000)}`],
      ['a list of numbers', `[${'1,'.repeat(size / 2 - 2)}1]`],
      ['a list of lists', `[${'[],'.repeat(size / 3 - 2)}[]]`],
      ['a long name', `{"${'x'.repeat(size - 10)}":1}`],
      ['a word without end', 'x'.repeat(size)],
      ['lines', '\n'.repeat(size)],
      ['one letter with many accents', `a${'\u0301'.repeat(size / 2 - 2)}`],
      ['writing from right to left', '\u202e\u05d0'.repeat(size / 5)],
      ['bytes', Buffer.alloc(size, 0xff)],
    ];

    it.each(hostile)('of %s', async (name, payload) => {
      const visitor = await visit();
      const other = await join('hostile', 'nothing');
      await visitor.connect();
      await visitor.subscribe('hostile/#');
      await other.publishAsync(`hostile/${name}`, payload, { qos: 1 });
      await visitor.message(name).click();
      const box = visitor.details('Message').getByLabel('Payload', { exact: true });
      const shown = async () => ((await box.textContent()) ?? '').length;

      await visitor.page.getByText(/^\d+,\d{3} bytes$/).waitFor();
      for (const form of ['Text', 'JSON', 'Hex'] as const) {
        await visitor.details('Message').getByRole('radio', { name: form }).check();
        expect(await shown()).toBeLessThanOrEqual(17_000);
      }
      const before = await shown();
      await visitor.details('Message').getByRole('button', { name: 'Show more' }).click();
      expect(await shown()).toBeGreaterThan(before);
      await visitor.publish('hostile/end', 'still here');
      await visitor.message('still here').waitFor();
    });

    it('of topics: long, deep and many', async () => {
      const visitor = await visit();
      const other = await join('hostile', 'nothing');
      await visitor.connect();
      await visitor.subscribe('#', '0');
      const deep = Array.from({ length: 30 }, (_, index) => `deep/${index}${'/x'.repeat(30_000)}`);
      const long = Array.from({ length: 30 }, (_, index) => `long/${index}${'x'.repeat(60_000)}`);
      for (const topic of [...deep, ...long]) await other.publishAsync(topic, 'x', { qos: 1 });
      await visitor.message('long/29').waitFor();

      await visitor.page.getByLabel('Filter messages').fill('deep/29/x');
      await visitor.message('deep/29').click();
      expect(((await visitor.details('Message').getByRole('heading').textContent()) ?? '').length).toBeLessThan(1_100);
      for (let n = 0; n < 12_000; n += 1) other.publish(`many/${n}/${n}`, 'x');
      await visitor.page.getByLabel('Filter messages').fill('the last of them');
      await other.publishAsync('long/end', 'the last of them', { qos: 1 });
      await visitor.message('the last of them').waitFor();
      await visitor.goTo('Topics');
      await visitor.page.getByLabel('Filter topics').fill('deep/29/x');
      await visitor.topic('29').first().waitFor();
      const tree = visitor.page.getByRole('tree');
      await tree.press('End');
      await visitor.details('Topic').waitFor(); // it takes room from the list
      await tree.press('End');
      await visitor.topic('x/x/x').waitFor();
      expect(await visitor.page.getByRole('treeitem').count()).toBeLessThan(100);
      expect(await visitor.page.evaluate('document.querySelector(".rows").textContent.length')).toBeLessThan(40_000);
      await visitor.page.getByText(/\d messages omitted/).waitFor();
    });

    it('of properties: a thousand of them, and long ones', async () => {
      const visitor = await visit();
      const other = await join('hostile', 'nothing');
      await visitor.connect();
      await visitor.subscribe('hostile/#');
      const userProperties = { many: Array.from({ length: 5_000 }, () => 'x'), long: 'y'.repeat(30_000) };
      await other.publishAsync('hostile/properties', 'x', { qos: 1, properties: { userProperties } });
      await visitor.message('hostile/properties').click();

      const table = visitor.details('Message').getByRole('table');
      await visitor.details('Message').getByText('4,901 more').waitFor();
      expect(await table.getByRole('row').count()).toBe(101);
      expect(((await table.textContent()) ?? '').length).toBeLessThan(5_000);
    });
  });
});
