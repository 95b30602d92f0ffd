import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import type { CertificateFiles } from '../../../clients/adapter/certificate';
import {
  adapterFor,
  defaultConnect,
  endAll,
  endings,
  expectReceived,
  silentGateway,
  until,
} from '../support/adapter-rig';

const fixtures = join(__dirname, '../../fixtures/tls');
const ca = join(fixtures, 'ca.crt');
const folder = mkdtempSync(join(tmpdir(), 'cirrus-tls-'));
const loopback = { host: '127.0.0.1', port: 0 };

afterEach(endAll);
afterAll(() => rmSync(folder, { recursive: true }));

const pem = (name: string) => join(fixtures, name);
const pair = (name: string): CertificateFiles => ({ cert: pem(`${name}.crt`), key: pem(`${name}.key`) });

/** The adapter with TLS only, in front of a gateway that records its frames. */
async function tlsAdapter(certificate: CertificateFiles) {
  const gateway = await silentGateway();
  const adapter = await adapterFor(gateway.url, {
    listen: undefined,
    listenWebSocket: undefined,
    listenTls: loopback,
    listenSecureWebSocket: loopback,
    certificate,
  });
  return { gateway, adapter };
}

async function tlsClient(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', ca: readFileSync(ca), ...options });
  endings.push(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket.resume();
}

describe('MQTT over TLS', () => {
  it('reaches the gateway, over TCP and over WebSocket', async () => {
    const { gateway, adapter } = await tlsAdapter(pair('server'));

    (await tlsClient(adapter.tlsPort!)).write(defaultConnect);
    await expectReceived(gateway, defaultConnect);

    const webSocket = new WebSocket(`wss://127.0.0.1:${adapter.secureWebSocketPort}/mqtt`, 'mqtt', {
      rejectUnauthorized: false,
    });
    endings.push(() => webSocket.terminate());
    await once(webSocket, 'open');
    webSocket.send(defaultConnect);
    await expectReceived(gateway, Buffer.concat([defaultConnect, defaultConnect]));
  });

  it('uses a new certificate after both files are replaced, and the old one before', async () => {
    const files = { cert: join(folder, 'cert'), key: join(folder, 'key') };
    copyFileSync(pem('server.crt'), files.cert);
    copyFileSync(pem('server.key'), files.key);
    const { adapter } = await tlsAdapter({ ...files, checkEveryMs: 10 });
    const shown = async () => (await tlsClient(adapter.tlsPort!)).getPeerCertificate().subject.CN;

    copyFileSync(pem('renewed.crt'), files.cert);
    await until(() => adapter.lines.some((line) => line.startsWith('the old certificate stays:')));
    expect(await shown()).toBe('server');

    copyFileSync(pem('renewed.key'), files.key);
    await until(() => adapter.lines.some((line) => line.startsWith('new certificate from')));
    expect(await shown()).toBe('renewed');
  });

  it('with a client CA accepts only clients with a certificate of it', async () => {
    const { gateway, adapter } = await tlsAdapter({ ...pair('server'), clientCa: ca });

    const stranger = await tlsClient(adapter.tlsPort!);
    await once(stranger, 'error');
    const known = { cert: readFileSync(pem('client.crt')), key: readFileSync(pem('client.key')) };
    (await tlsClient(adapter.tlsPort!, known)).write(defaultConnect);

    await expectReceived(gateway, defaultConnect);
    expect(adapter.lines.filter((line) => line.includes('opened by'))).toHaveLength(1);
  });

  it.each([
    [{ cert: pem('server.crt'), key: pem('client.key') }, 'is not the private key of the certificate in'],
    [{ cert: pem('server.key'), key: pem('server.key') }, 'server.key holds no certificate in PEM'],
    [{ cert: join(folder, 'nowhere'), key: pem('server.key') }, 'nowhere'],
    [{ ...pair('server'), clientCa: pem('client.key') }, 'client.key holds no certificate in PEM'],
  ])('does not start with invalid files, %#', async (certificate, message) => {
    await expect(tlsAdapter(certificate)).rejects.toThrow(message);
  });
});

describe('MQTT over a socket file', () => {
  const path = join(folder, 'mqtt.sock');

  it('reaches the gateway, also if a killed adapter has left its file behind', async () => {
    const dieListening =
      'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
    spawnSync(process.execPath, ['-e', dieListening, path]);
    expect(lstatSync(path).isSocket()).toBe(true);
    const gateway = await silentGateway();
    await adapterFor(gateway.url, { listenUnix: path });

    const client = connect(path);
    endings.push(() => client.destroy());
    client.write(defaultConnect);

    await expectReceived(gateway, defaultConnect);
  });

  it('replaces no other file', async () => {
    const file = join(folder, 'precious');
    writeFileSync(file, '');

    await expect(adapterFor('ws://127.0.0.1:1', { listenUnix: file })).rejects.toThrow(`socket ${file} is taken`);
  });

  it('is not replaced while another process listens to it', async () => {
    const other = createServer().listen(path);
    endings.push(() => other.close());
    await once(other, 'listening');

    await expect(adapterFor('ws://127.0.0.1:1', { listenUnix: path })).rejects.toThrow(`socket ${path} is taken`);
  });
});
