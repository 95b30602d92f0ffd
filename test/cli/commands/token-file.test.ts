import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import mqtt, { type MqttClient } from 'mqtt';
import { adapterCommand } from '../../../cli/commands/adapter';
import { pubCommand } from '../../../cli/commands/pub';
import { startAdapter } from '../../../clients/adapter';
import { bearerHeaders } from '../../../clients/bearer';
import { run } from '../../clients/support/command-runs';
import { GuardedBroker } from '../../support/guarded-broker';
import { OidcProvider } from '../../support/oidc-provider';

const folder = mkdtempSync(join(tmpdir(), 'cirrus-token-'));
const file = join(folder, 'token');

let provider: OidcProvider;
let guarded: GuardedBroker;

beforeAll(async () => {
  provider = await OidcProvider.start();
  guarded = await GuardedBroker.start({
    handshake: 'required',
    issuers: [{ issuer: provider.issuer, audience: 'mqtt' }],
    rules: [{ actions: ['publish', 'subscribe'], topics: ['#'] }],
  });
});

afterAll(async () => {
  await Promise.all([guarded.stop(), provider.stop()]);
  rmSync(folder, { recursive: true });
});

describe('--token-file', () => {
  it('authenticates clients of the adapter with the current token of the file', async () => {
    writeFileSync(file, 'no token');
    const adapter = await startAdapter({
      url: guarded.cloud.gatewayUrl,
      listen: { host: '127.0.0.1', port: 0 },
      headers: bearerHeaders(file),
    });
    const connect = () => mqtt.connect(`mqtt://127.0.0.1:${adapter.port}`, { reconnectPeriod: 0 });
    await heard(connect(), 'close');
    writeFileSync(file, `${await provider.token()}\n`);
    const client = connect();
    await heard(client, 'connect');

    expect(client.connected).toBe(true);
    await client.endAsync(true);
    await adapter.close();
  });

  it('authenticates pub without a password', async () => {
    writeFileSync(file, await provider.token());
    const args = ['-L', guarded.cloud.gatewayUrl, '-t', 'a', '-m', 'x', '-q', '1'];

    await expect(run(pubCommand, [...args, '--token-file', file]).exitCode).resolves.toBe(0);
    await expect(run(pubCommand, args).exitCode).rejects.toThrow('no connection');
  });

  it.each([
    ['adapter', () => run(adapterCommand, [guarded.cloud.gatewayUrl, '--listen', '0', '--token-file', 'nowhere'])],
    ['pub', () => run(pubCommand, ['-L', guarded.cloud.gatewayUrl, '-t', 'a', '-n', '--token-file', 'nowhere'])],
  ])('that is not there is said by %s at once', async (_what, start) => {
    await expect(start().exitCode).rejects.toThrow('nowhere');
  });

  it('of an invalid file is reported without its content', () => {
    writeFileSync(file, ' \n');

    expect(bearerHeaders(file)).toThrow(`${file} is empty, but should hold a token`);
  });
});

function heard(client: MqttClient, event: 'close' | 'connect'): Promise<unknown> {
  return new Promise((resolve) => client.once(event, resolve));
}
