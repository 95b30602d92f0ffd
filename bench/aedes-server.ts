import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Aedes } from 'aedes';
import { createWebSocketStream, WebSocketServer } from 'ws';

async function main(): Promise<void> {
  const aedes = await Aedes.createBroker();
  const server = createServer();
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
    aedes.handle(createWebSocketStream(socket));
  });
  process.on('SIGINT', () => process.exit(0));
  server.listen(0, '127.0.0.1', () => {
    console.log(`ready ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}

void main();
