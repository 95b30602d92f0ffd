import { BrokerApi, BrokerApiError } from '../../clients/api';
import { addressFrom, exitWith, nameFrom } from '../connect';

const usage = `usage: npx tsx examples/backend/backend.ts clients
       npx tsx examples/backend/backend.ts send DEVICE COMMAND`;

// For a deployed broker: the stack's output ApiUrl, with credentials of AWS. The local cloud has its own keys.
const url = addressFrom('API_URL', 'http', 'http://127.0.0.1:8080/api');
const { AWS_ACCESS_KEY_ID = 'local', AWS_SECRET_ACCESS_KEY = 'local', AWS_SESSION_TOKEN } = process.env;
const api = new BrokerApi({
  url,
  credentials: {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  },
});

/** Lists the connected clients, and the disconnected ones that have a session. */
async function listClients(): Promise<void> {
  let count = 0;
  for await (const { clientId, connected, since } of api.clients()) {
    count += 1;
    console.log(`${clientId}  ${connected ? 'connected' : 'away'}${since ? ` since ${since}` : ''}`);
  }
  console.log(`${count} clients`);
}

/** Publishes a command; resolves when the broker has stored it, as PUBACK does. */
async function send(device: string, command: string): Promise<void> {
  const { subscribers } = await api.publish({ topic: `devices/${device}/command`, payload: command, qos: 1 });
  console.log(subscribers ? `sent "${command}" to ${device}` : `${device} has no subscription for commands`);
}

/** True for the error with which `fetch` reports a failed connection. */
function isUnanswered(error: unknown): boolean {
  return error instanceof TypeError && error.message === 'fetch failed';
}

async function main([verb, device, ...words]: string[]): Promise<void> {
  if (verb === 'clients') return listClients();
  if (verb === 'send' && words.length > 0) return send(nameFrom(device, usage), words.join(' '));
  return exitWith(usage);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof BrokerApiError) exitWith(`${error.code}: ${error.message}`);
  if (isUnanswered(error)) exitWith(`no answer from ${url}: is "npm start" running?`);
  throw error;
});
