import { connectToBroker } from '../connect';

const client = connectToBroker({});
const fleet = new Map<string, string>();

// After every connect: the retained messages contain the changes since the last connection.
client.on('connect', () => {
  fleet.clear();
  client.subscribe('+/state', { qos: 1 }, () => console.log('watching +/state'));
});
client.on('reconnect', () => console.log('connection lost, trying again'));

client.on('message', (topic, payload) => {
  const [name = ''] = topic.split('/');
  if (payload.length === 0) fleet.delete(name);
  else fleet.set(name, String(payload));
  console.log(`${new Date().toLocaleTimeString()}  ${describe(fleet)}`);
});

function describe(states: ReadonlyMap<string, string>): string {
  const nodes = [...states].sort(([one], [other]) => one.localeCompare(other));
  return nodes.map(([name, state]) => `${name} ${state}`).join(', ');
}
