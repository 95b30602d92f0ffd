import { connectToBroker, nameFrom } from '../connect';

const name = nameFrom(process.argv[2], 'npx tsx examples/state/node.ts NAME');
const topic = `${name}/state`;
const retained = { qos: 1, retain: true } as const;

const client = connectToBroker({
  clientId: name,
  // Seconds. The broker detects a lost network after 1.5 times this, and a dead process at once. Each PINGREQ is billed.
  keepalive: 60,
  // The broker publishes the will when the connection ends without DISCONNECT.
  will: { topic, payload: Buffer.from('DEAD'), ...retained },
});

// After every connect, because the will of the previous connection may have been published.
client.on('connect', () => {
  client.publish(topic, 'ALIVE', retained, () => console.log(`${name} is ALIVE; end it with: kill -9 ${process.pid}`));
});
client.on('reconnect', () => console.log('connection lost, trying again'));

// DISCONNECT discards the will, so the node publishes the state itself.
async function leave(): Promise<void> {
  await client.publishAsync(topic, 'DEAD', retained);
  await client.endAsync();
  process.exit(0);
}

process.once('SIGINT', leave);
process.once('SIGTERM', leave);
