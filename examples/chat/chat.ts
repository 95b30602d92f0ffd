import { clearLine, createInterface, cursorTo, type Interface } from 'node:readline';
import type { IPublishPacket } from 'mqtt';
import { connectToBroker, exitWith, nameFrom } from '../connect';

const week = 7 * 24 * 60 * 60;
const sessionTakenOver = 0x8e;

const name = nameFrom(process.argv[2], 'npx tsx examples/chat/chat.ts NAME');
const startedAt = Date.now();
let terminal: Interface | undefined;
let missed = 0;
let isWelcomed = false;

// The broker keeps messages for this client id for a week while it is not connected.
const client = connectToBroker({
  clientId: `chat-${name}`,
  clean: false,
  properties: { sessionExpiryInterval: week },
});

client.once('connect', ({ sessionPresent }) => {
  if (!sessionPresent) enter();
  readLines();
});

// Messages of the session may arrive before the event `connect`, but not before CONNACK.
client.on('packetreceive', (packet) => {
  if (packet.cmd === 'connack' && packet.sessionPresent && !isWelcomed) show(`Welcome back, ${name}.`);
  isWelcomed = true;
});

/** Subscribes once: the subscription is part of the session. */
function enter(): void {
  const options = { qos: 1, nl: true } as const; // nl (No Local): excludes this client's own messages.
  client.subscribe('chat/lobby/+', options, (error) => {
    if (error) exitWith(`the broker refuses: ${error.message}`);
    show(`Hello, ${name}. From now on you miss nothing.`);
  });
}

client.on('reconnect', () => show('(connection lost, trying again; what you write is sent later)'));

client.on('message', (topic, payload, packet) => {
  const from = topic.split('/').at(-1);
  const sent = sentAt(packet);
  if (sent.getTime() < startedAt && missed++ === 0) show('While you were away:');
  show(`[${sent.toLocaleTimeString()}] ${from}: ${payload}`);
});

// Without this, two programs with the same client id would take the session over from each other endlessly.
client.on('disconnect', ({ reasonCode }) => {
  if (reasonCode === sessionTakenOver) exitWith(`${name} has connected elsewhere`);
});

function readLines(): void {
  terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: '' });
  terminal.on('line', (line) => {
    if (line.trim() === '') return;
    const sent = new Date().toISOString();
    client.publish(`chat/lobby/${name}`, line, { qos: 1, properties: { userProperties: { sent } } });
  });
  terminal.once('close', leave); // Ctrl-C or Ctrl-D
}

/** Ends the program after all messages have been acknowledged. */
async function leave(): Promise<void> {
  if (!client.connected) exitWith('there was no connection: what you wrote since then is lost');
  await client.endAsync();
  process.exit(0);
}

/** The time at which a message was written, by its author's clock. */
function sentAt({ properties }: IPublishPacket): Date {
  const sent = new Date(String(properties?.userProperties?.sent));
  return Number.isNaN(sent.getTime()) ? new Date() : sent;
}

/** Prints a line above the input line. */
function show(line: string): void {
  if (process.stdout.isTTY) {
    cursorTo(process.stdout, 0);
    clearLine(process.stdout, 0);
  }
  console.log(line);
  terminal?.prompt(true);
}
