import { connectToBroker, nameFrom } from '../connect';

const name = nameFrom(process.argv[2], 'npx tsx examples/backend/device.ts NAME');

// The broker keeps commands for a disconnected device for a day.
const client = connectToBroker({
  clientId: name,
  clean: false,
  properties: { sessionExpiryInterval: 24 * 60 * 60 },
});

client.on('connect', ({ sessionPresent }) => {
  const report = () => console.log(`${name} waits for commands`);
  if (sessionPresent) report();
  else client.subscribe(`devices/${name}/command`, { qos: 1 }, report);
});
client.on('reconnect', () => console.log('connection lost, trying again'));
client.on('message', (_topic, payload) => console.log(`command: ${payload}`));

process.once('SIGINT', async () => {
  await client.endAsync();
  process.exit(0);
});
