import { connectToBroker, nameFrom } from '../connect';

const name = nameFrom(process.argv[2], 'npx tsx examples/state/node.ts NAME');
const topic = `${name}/state`;
const retained = { qos: 1, retain: true } as const;

const client = connectToBroker({
  clientId: name,
  // A pulled plug is noticed after one and a half of these, a process that dies at once. Each ping is billed.
  keepalive: 60,
  // The broker publishes this when the connection ends without a DISCONNECT.
  will: { topic, payload: Buffer.from('DEAD'), ...retained },
});

// On every connection, for the will of the one before may have been published meanwhile.
client.on('connect', () => {
  client.publish(topic, 'ALIVE', retained, () => console.log(`${name} is ALIVE; end it with: kill -9 ${process.pid}`));
});
client.on('reconnect', () => console.log('connection lost, trying again'));

// DISCONNECT discards the will, so who leaves in good order says it itself.
async function leave(): Promise<void> {
  await client.publishAsync(topic, 'DEAD', retained);
  await client.endAsync();
  process.exit(0);
}

process.once('SIGINT', leave);
process.once('SIGTERM', leave);
