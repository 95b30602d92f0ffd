// Executable model of a retained topic (ADR 0025): publishers replace and remove its message while a client subscribes. Every store
// operation and every post is one atomic step. Turns interleave at random. At QoS 1 an invocation may die before any step; then its event
// is delivered again. At rest the last message that the client has received must be the retained one, and at QoS 2 none arrives twice.
// Run: node retained.mjs [runs] [seed]; TRACE=1 prints the failing trace. BREAK=<rule> leaves one rule out; they are listed at the end.
import { rng } from './random.mjs';

const RUNS = Number(process.argv[2] ?? 20000),
  SEED = Number(process.argv[3] ?? 1),
  BREAK = process.env.BREAK ?? '';

function simulate(seed) {
  const rand = rng(seed),
    pick = (a) => a[Math.floor(rand() * a.length)],
    trace = [],
    log = (...a) => trace.push(a.join(' '));
  const published = pick([0, 1, 2]), // QoS of every message published during the run
    granted = pick([0, 1, 2]),
    before = pick([0, 1, 2]), // QoS of the message that is retained at the start
    removals = !(published === 0 && Math.min(before, granted) > 0), // QoS 0 does not wait for sequence numbers, and an empty message has no QoS of its own
    deaths = published === 1 && Math.min(before, granted) < 2;
  // ---- the store ----
  let revisions = 0;
  let pointer = null; // the last write: { revision, p, turn }
  let item = rand() < 0.7 ? { revision: ++revisions, value: 'before', qos: before } : null;
  let row = false; // the subscription in the index
  const session = { outSeq: 0, wakeRequests: 0, wakeHandled: 0 };
  const outbound = new Map(); // number -> { value, sent }
  const records = new Set(); // routing records: values that were routed to the session at QoS 2
  const over = new Set(); // turns whose messages have been sent
  const received = [];
  const post = (value) => received.push(value);

  // ---- a publisher: one turn for each message ----
  function* publish(p, turn, value) {
    const removes = value === 'removed';
    yield 'begin';
    const earlier = pointer?.p !== p && pointer?.turn;
    const revision = ++revisions;
    pointer = { revision, p, turn };
    let found = row; // result of an index read that came too early
    if (BREAK === 'store first') yield* route(value);
    if (BREAK !== 'wait') while (earlier && !over.has(earlier) && !dead.has(earlier)) yield 'wait';
    yield 'store';
    item = removes ? null : { revision, turn, value, qos: published };
    if (BREAK !== 'read index after') {
      yield 'read index';
      found = row;
    }
    if (found && BREAK !== 'store first') yield* deliver(value);
    yield 'end';
    if (removes && pointer?.revision === revision) pointer = null;
    over.add(turn);
  }
  function* route(value) {
    yield 'read index';
    if (row) yield* deliver(value);
  }
  function* deliver(value) {
    const qos = Math.min(published, granted);
    if (qos === 0) {
      yield 'post';
      post(value);
      return;
    }
    yield 'reserve';
    const number = ++session.outSeq,
      direct = session.wakeRequests === session.wakeHandled;
    yield 'write item';
    if (qos === 2) records.add(value);
    outbound.set(number, { value, sent: direct });
    if (direct) {
      yield 'post';
      post(value);
    } else yield* requestWake();
  }
  function* requestWake() {
    yield 'request wake';
    session.wakeRequests++;
    stream.push({ type: 'wake' });
  }

  // ---- the client's own stream ----
  function* subscribe() {
    yield 'write index';
    row = true;
    yield 'match';
    const copy = item && { ...item };
    if (!copy) return;
    const numbered = Math.min(copy.qos, granted) > 0;
    if (numbered) yield* queueCopy(copy);
    else {
      yield 'post';
      post(copy.value);
    }
    if (BREAK !== 'correct') yield* correct(copy, numbered);
  }
  function* queueCopy(copy) {
    yield 'reserve';
    const number = ++session.outSeq,
      direct = session.wakeRequests === session.wakeHandled;
    if (BREAK !== 'request') session.wakeRequests++;
    const wakeRequests = session.wakeRequests;
    let wanted = true;
    if (BREAK !== 'read again') {
      yield 'read again';
      wanted = item?.revision === copy.revision;
    }
    if (wanted && Math.min(copy.qos, granted) === 2 && BREAK !== 'record') {
      while (copy.turn && !over.has(copy.turn)) yield 'wait';
      yield 'read record';
      wanted = !records.has(copy.value);
    }
    if (wanted) {
      yield 'write item';
      outbound.set(number, { value: copy.value, sent: direct });
      if (direct) {
        yield 'post';
        post(copy.value);
      }
    }
    if (!direct) return yield* requestWake();
    yield 'wake handled';
    session.wakeHandled = Math.max(session.wakeHandled, wakeRequests);
  }
  function* correct(copy, numbered) {
    for (let sent = copy.revision; ; ) {
      yield 'read again';
      const now = item && { ...item };
      if ((now?.revision ?? 0) === sent) return;
      if (numbered && (!now || Math.min(now.qos, granted) > 0)) return; // it follows as a message of its own
      sent = now?.revision ?? 0;
      numbered = false;
      yield 'post';
      post(now?.value ?? 'removed');
    }
  }
  function* drain() {
    for (;;) {
      yield 'read session';
      const { wakeRequests, wakeHandled } = session;
      if (wakeRequests === wakeHandled) return;
      yield 'query';
      const waiting = [...outbound.entries()].sort(([a], [b]) => a - b).filter(([, { sent }]) => !sent);
      for (const [, entry] of waiting) {
        yield 'claim and post';
        entry.sent = true;
        post(entry.value);
      }
      yield 'wake handled';
      session.wakeHandled = Math.max(session.wakeHandled, wakeRequests);
    }
  }

  // ---- the world ----
  const stream = [{ type: 'subscribe' }]; // one event after the other
  const publishers = [1, 2].map((p) => ({ p, left: 1 + Math.floor(rand() * 2), next: 1, tries: 1, work: null }));
  const dead = new Set();
  let active = null;
  const step = (work, name) => {
    const { done, value } = work.next();
    log(name, done ? 'end' : value);
    return done;
  };
  const moves = () => {
    const m = [];
    for (const b of publishers) {
      const turn = `p${b.p}.${b.next}, try ${b.tries}`;
      // A queue redelivers only after every turn that ran at the time of the death has ended.
      if (!b.work && b.left > 0 && (b.tries === 1 || publishers.every(({ work }) => !work)))
        m.push(() => {
          b.value ??= removals && rand() < 0.3 ? 'removed' : `p${b.p}.${b.next}`;
          b.work = publish(b.p, turn, b.value);
        });
      if (b.work)
        m.push(() => {
          if (!step(b.work, turn)) return;
          Object.assign(b, { work: null, value: undefined, left: b.left - 1, next: b.next + 1, tries: 1 });
        });
      if (b.work && deaths && rand() < 0.03)
        m.push(() => {
          log('DIE', turn);
          dead.add(turn); // turns that wait for it time out
          Object.assign(b, { work: null, tries: b.tries + 1 });
        });
    }
    if (!active && stream.length) m.push(() => (active = stream[0].type === 'wake' ? drain() : subscribe()));
    if (active)
      m.push(() => {
        if (!step(active, stream[0].type)) return;
        active = null;
        stream.shift();
      });
    // At QoS 0 it is unknown what was sent of a topic that is removed before the next attempt.
    if (
      active &&
      deaths &&
      (!removals || Math.min(before, granted) > 0) &&
      stream[0].type === 'subscribe' &&
      rand() < 0.03
    )
      m.push(() => {
        log('DIE', 'subscribe');
        active = null;
      });
    return m;
  };
  for (let n = 0; ; n++) {
    if (n > 5000) return { why: 'does not come to rest', trace };
    const m = moves();
    if (!m.length) break;
    pick(m)();
  }
  const last = received.at(-1) ?? 'removed',
    retained = item?.value ?? 'removed';
  const fail = (why) => ({
    why: `${why}; QoS ${before} ${published} ${granted}, received ${received}, retained ${retained}`,
    trace,
  });
  if (last !== retained) return fail(received.includes(retained) ? 'out of order' : 'missed');
  const values = received.filter((value) => value !== 'removed');
  if (published === 2 && granted === 2 && before === 2 && new Set(values).size < values.length)
    return fail('doubled at QoS 2');
  return {};
}

for (let i = 0; i < RUNS; i++) {
  const { why, trace } = simulate(SEED + i);
  if (!why) continue;
  console.log(`run ${SEED + i}: ${why}`);
  if (process.env.TRACE) console.log(trace.join('\n'));
  process.exit(1);
}
console.log(`${RUNS} runs held`);
// BREAK = store first | read index after | wait | request | read again | record | correct: each makes some run fail.
