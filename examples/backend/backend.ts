import { BrokerApi, BrokerApiError } from '../../clients/api';
import { addressFrom, exitWith, nameFrom } from '../connect';

const usage = `usage: npx tsx examples/backend/backend.ts clients
       npx tsx examples/backend/backend.ts send DEVICE COMMAND`;

// The output ApiUrl of the stack, with credentials of AWS; the local cloud has keys of its own.
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

/** Who is connected, and who is away and has a session that waits. */
async function listClients(): Promise<void> {
  let count = 0;
  for await (const { clientId, connected, since } of api.clients()) {
    count += 1;
    console.log(`${clientId}  ${connected ? 'connected' : 'away'}${since ? ` since ${since}` : ''}`);
  }
  console.log(`${count} in all`);
}

/** Resolves when the command is as safe as PUBACK promises. */
async function send(device: string, command: string): Promise<void> {
  const { subscribers } = await api.publish({ topic: `devices/${device}/command`, payload: command, qos: 1 });
  console.log(subscribers ? `sent "${command}" to ${device}` : `nobody listens for commands to ${device}`);
}

/** How fetch says it. */
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
