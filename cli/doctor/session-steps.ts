import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds, type Step } from './step';
import type { Examination } from './step-context';
import { Finding, NotApplicable } from './step-errors';

/** Whether connections and what outlives them last as they should. */
export const lastingSteps: readonly Step[] = [
  { name: 'ping', title: 'PINGREQ is answered', needs: ['login'], examine: ping },
  { name: 'idle', title: 'a quiet connection stays', needs: ['login'], examine: beQuiet },
  { name: 'resume', title: 'a session resumes after a cut', needs: ['login'], examine: resume },
  { name: 'retained', title: 'a retained message is kept and removed', needs: ['login'], examine: retain },
];

/** Seconds that the session of this step would last if the doctor could not remove it. */
const sessionSeconds = 300;

async function ping(examination: Examination): Promise<string> {
  const client = await examination.client();
  const answered = await client.ping();
  const pong = await client.socket.pong();
  const gateway = pong === undefined ? 'the ping of the WebSocket was not answered' : `WebSocket ${milliseconds(pong)}`;
  return `PINGRESP after ${milliseconds(answered)}, ${gateway}`;
}

async function beQuiet(examination: Examination): Promise<string> {
  const { idleSeconds, interrupted } = examination.patient;
  if (idleSeconds === 0) throw new NotApplicable('--idle 0');
  const client = await examination.client();
  await sleep(idleSeconds * 1_000, undefined, { signal: interrupted }).catch(() => {
    throw new NotApplicable('interrupted');
  });
  if (!client.socket.isOpen) throw new Finding(`the connection ended within ${idleSeconds} s of silence`);
  return `PINGRESP after ${idleSeconds} s of silence and ${milliseconds(await client.ping())}`;
}

async function resume(examination: Examination): Promise<string> {
  const kept = { clean: false, expiry: sessionSeconds };
  const topic = examination.topic('resume');
  const before = await examination.connect('session', kept);
  examination.afterwards(async () => (await examination.connect('session')).socket.leave());
  await before.subscribe(topic);
  before.socket.cut();
  const other = await examination.client();
  other.publish(topic, 'meanwhile', 1);
  await other.acknowledged();

  const start = performance.now();
  const after = await examination.connect('session', kept);
  if (!after.connack.sessionPresent) throw new Finding('the session was gone after the cut');
  const { payload } = await after.message(topic);
  if (String(payload) !== 'meanwhile') throw new Finding(`${payload.length} bytes came instead of what was sent`);
  const duration = performance.now() - start;
  await after.socket.leave();
  return `what was sent meanwhile came ${milliseconds(duration)} after the reconnect`;
}

async function retain(examination: Examination): Promise<string> {
  const client = await examination.client();
  const topic = examination.topic('retained');
  const remove = async () => {
    const there = await examination.client();
    there.publish(topic, '', 1, true);
    await there.acknowledged();
  };
  examination.afterwards(remove);
  client.publish(topic, 'kept', 1, true);
  await client.acknowledged();
  const reader = await examination.connect('reader');
  await reader.subscribe(topic);
  const { retain: isRetained, payload } = await reader.message(topic);
  await reader.socket.leave();
  if (!isRetained || String(payload) !== 'kept') {
    const flag = isRetained ? 'with' : 'without';
    throw new Finding(`another message came than was retained: ${payload.length} bytes ${flag} the RETAIN flag`);
  }
  return 'a new subscriber got it';
}
