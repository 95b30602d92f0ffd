import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { connectAsync } from 'mqtt';
import { WebSocketServer } from 'ws';
import { brokerAddress } from '../../cli/broker-address';

describe('the address of a broker', () => {
  it.each([
    ['mqtt://example.org', { protocol: 'mqtt', host: 'example.org' }],
    ['mqtts://example.org:8884', { protocol: 'mqtts', host: 'example.org', port: 8884 }],
    ['mqtt://[::1]:1883', { protocol: 'mqtt', host: '::1', port: 1883 }],
    ['ws://[::1]:8083/mqtt', { protocol: 'ws', host: '[::1]', port: 8083, path: '/mqtt' }],
    ['wss://a.example.org/mqtt?x=a%20b&y=1', { protocol: 'wss', host: 'a.example.org', path: '/mqtt?x=a%20b&y=1' }],
    ['wss://a.example.org', { protocol: 'wss', host: 'a.example.org', path: '/' }],
  ])('%s', (address, options) => {
    expect(brokerAddress(address)).toEqual(options);
  });

  it.each(['/mqtt?x-amz=a%2Fb', '/'])('reaches the server unchanged through MQTT.js, %s', async (path) => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const dialled = new Promise((resolve) => {
      server.on('connection', (socket, { url }) => {
        resolve(url);
        socket.close();
      });
    });
    const { port } = server.address() as AddressInfo;

    const options = { ...brokerAddress(`ws://127.0.0.1:${port}${path}`), reconnectPeriod: 0 };
    await expect(connectAsync('', options, false)).rejects.toThrow();

    await expect(dialled).resolves.toBe(path);
    await new Promise((resolve) => server.close(resolve));
  });
});
