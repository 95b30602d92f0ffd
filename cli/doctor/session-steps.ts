import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration, type Step } from './step';
import type { StepContext } from './step-context';
import { StepFailed, StepSkipped } from './step-errors';

/** Steps that check keep-alive, sessions and retained messages. */
export const sessionSteps: readonly Step[] = [
  { name: 'ping', title: 'the broker answers PINGREQ', needs: ['login'], check: ping },
  { name: 'idle', title: 'an idle connection stays open', needs: ['login'], check: stayIdle },
  { name: 'resume', title: 'a session survives a lost connection', needs: ['login'], check: resume },
  { name: 'retained', title: 'a new subscriber receives a retained message', needs: ['login'], check: checkRetained },
];

/** Session Expiry Interval of the step `resume`, in case the doctor cannot remove the session. */
const sessionExpirySeconds = 300;

async function ping(context: StepContext): Promise<string> {
  const client = await context.client();
  const duration = await client.ping();
  const pong = await client.socket.measurePong();
  const webSocket = pong === undefined ? 'no WebSocket pong' : `WebSocket pong after ${formatDuration(pong)}`;
  return `PINGRESP after ${formatDuration(duration)}, ${webSocket}`;
}

async function stayIdle(context: StepContext): Promise<string> {
  const { idleSeconds, interrupted } = context.options;
  if (idleSeconds === 0) throw new StepSkipped('--idle 0');
  const client = await context.client();
  await sleep(idleSeconds * 1_000, undefined, { signal: interrupted }).catch(() => {
    throw new StepSkipped('interrupted');
  });
  if (!client.socket.isOpen) throw new StepFailed(`the connection ended within ${idleSeconds} idle seconds`);
  return `PINGRESP after ${idleSeconds} idle seconds and ${formatDuration(await client.ping())}`;
}

async function resume(context: StepContext): Promise<string> {
  const kept = { clean: false, expiry: sessionExpirySeconds };
  const topic = context.topic('resume');
  const before = await context.connect('session', kept);
  context.addCleanup(async () => (await context.connect('session')).socket.disconnect());
  await before.subscribe(topic);
  before.socket.terminate();
  const other = await context.client();
  other.publish(topic, 'meanwhile', { qos: 1 });
  await other.acknowledged();

  const start = performance.now();
  const after = await context.connect('session', kept);
  if (!after.connack.sessionPresent) throw new StepFailed('CONNACK has no Session Present after the reconnect');
  const { payload } = await after.message(topic);
  if (String(payload) !== 'meanwhile')
    throw new StepFailed(`received ${payload.length} bytes that differ from the message sent`);
  const duration = performance.now() - start;
  await after.socket.disconnect();
  return `received the queued message ${formatDuration(duration)} after the reconnect`;
}

async function checkRetained(context: StepContext): Promise<string> {
  const client = await context.client();
  const topic = context.topic('retained');
  const remove = async () => {
    const current = await context.client();
    current.publish(topic, '', { qos: 1, retain: true });
    await current.acknowledged();
  };
  context.addCleanup(remove);
  client.publish(topic, 'kept', { qos: 1, retain: true });
  await client.acknowledged();
  const reader = await context.connect('reader');
  await reader.subscribe(topic);
  const { retain: isRetained, payload } = await reader.message(topic);
  await reader.socket.disconnect();
  if (!isRetained || String(payload) !== 'kept') {
    const flag = isRetained ? 'with' : 'without';
    throw new StepFailed(
      `received a message that differs from the retained one: ${payload.length} bytes ${flag} the RETAIN flag`,
    );
  }
  return 'received with the RETAIN flag';
}
