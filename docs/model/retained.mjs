// An executable model of a retained topic (ADR 0025): publishers replace and remove its message while a client subscribes. Every store
// operation and every post is one atomic step; the turns interleave at random; at QoS 1 a worker may die before any step, after which
// its event is delivered again. At rest the last that the client heard has to be what is retained, and at QoS 2 nothing comes twice.
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
  const published = pick([0, 1, 2]), // QoS of all that is published during the run
    granted = pick([0, 1, 2]),
    before = pick([0, 1, 2]), // QoS of the message that is retained when it begins
    removals = !(published === 0 && Math.min(before, granted) > 0), // QoS 0 waits for no number, and an empty message has no QoS of its own
    deaths = published === 1 && Math.min(before, granted) < 2;
  // ---- the store ----
  let revisions = 0;
  let pointer = null; // of the last write: { revision, p, turn }
  let item = rand() < 0.7 ? { revision: ++revisions, value: 'before', qos: before } : null;
  let row = false; // the subscription in the index
  const head = { outSeq: 0, asked: 0, answered: 0 };
  const ring = new Map(); // number -> { value, sent }
  const once = new Set(); // values that were routed to the session at QoS 2
  const over = new Set(); // turns whose messages have left
  const heard = [];
  const post = (value) => heard.push(value);

  // ---- a publisher: one turn for each message ----
  function* publish(p, turn, value) {
    const removes = value === 'removed';
    yield 'begin';
    const earlier = pointer?.p !== p && pointer?.turn;
    const revision = ++revisions;
    pointer = { revision, p, turn };
    let found = row; // an index that was read too early
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
    const number = ++head.outSeq,
      live = head.asked === head.answered;
    yield 'put';
    if (qos === 2) once.add(value);
    ring.set(number, { value, sent: live });
    if (live) {
      yield 'post';
      post(value);
    } else yield* ask();
  }
  function* ask() {
    yield 'ask';
    head.asked++;
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
    if (numbered) yield* place(copy);
    else {
      yield 'post';
      post(copy.value);
    }
    if (BREAK !== 'correct') yield* correct(copy, numbered);
  }
  function* place(copy) {
    yield 'reserve';
    const number = ++head.outSeq,
      live = head.asked === head.answered;
    if (BREAK !== 'ask') head.asked++;
    const asked = head.asked;
    let wanted = true;
    if (BREAK !== 'read again') {
      yield 'read again';
      wanted = item?.revision === copy.revision;
    }
    if (wanted && Math.min(copy.qos, granted) === 2 && BREAK !== 'once') {
      while (copy.turn && !over.has(copy.turn)) yield 'wait';
      yield 'read once';
      wanted = !once.has(copy.value);
    }
    if (wanted) {
      yield 'put';
      ring.set(number, { value: copy.value, sent: live });
      if (live) {
        yield 'post';
        post(copy.value);
      }
    }
    if (!live) return yield* ask();
    yield 'answer';
    head.answered = Math.max(head.answered, asked);
  }
  function* correct(copy, numbered) {
    for (let sent = copy.revision; ; ) {
      yield 'read again';
      const now = item && { ...item };
      if ((now?.revision ?? 0) === sent) return;
      if (numbered && (!now || Math.min(now.qos, granted) > 0)) return; // it comes behind
      sent = now?.revision ?? 0;
      numbered = false;
      yield 'post';
      post(now?.value ?? 'removed');
    }
  }
  function* pump() {
    for (;;) {
      yield 'read head';
      const { asked, answered } = head;
      if (asked === answered) return;
      yield 'query';
      const waiting = [...ring.entries()].sort(([a], [b]) => a - b).filter(([, { sent }]) => !sent);
      for (const [, entry] of waiting) {
        yield 'claim and post';
        entry.sent = true;
        post(entry.value);
      }
      yield 'answer';
      head.answered = Math.max(head.answered, asked);
    }
  }

  // ---- the world ----
  const stream = [{ type: 'subscribe' }]; // one event after the other
  const publishers = [1, 2].map((p) => ({ p, left: 1 + Math.floor(rand() * 2), next: 1, tries: 1, work: null }));
  const dead = new Set();
  let own = null;
  const step = (work, name) => {
    const { done, value } = work.next();
    log(name, done ? 'end' : value);
    return done;
  };
  const moves = () => {
    const m = [];
    for (const b of publishers) {
      const turn = `p${b.p}.${b.next}, try ${b.tries}`;
      // A queue delivers again only when every turn that ran at the time of the death is over.
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
          dead.add(turn); // who waits for it loses patience
          Object.assign(b, { work: null, tries: b.tries + 1 });
        });
    }
    if (!own && stream.length) m.push(() => (own = stream[0].type === 'wake' ? pump() : subscribe()));
    if (own)
      m.push(() => {
        if (!step(own, stream[0].type)) return;
        own = null;
        stream.shift();
      });
    // At QoS 0 nobody knows any more what was sent of a topic that is removed before the next attempt.
    if (
      own &&
      deaths &&
      (!removals || Math.min(before, granted) > 0) &&
      stream[0].type === 'subscribe' &&
      rand() < 0.03
    )
      m.push(() => {
        log('DIE', 'subscribe');
        own = null;
      });
    return m;
  };
  for (let n = 0; ; n++) {
    if (n > 5000) return { why: 'does not come to rest', trace };
    const m = moves();
    if (!m.length) break;
    pick(m)();
  }
  const last = heard.at(-1) ?? 'removed',
    kept = item?.value ?? 'removed';
  const fail = (why) => ({ why: `${why}; QoS ${before} ${published} ${granted}, heard ${heard}, kept ${kept}`, trace });
  if (last !== kept) return fail(heard.includes(kept) ? 'out of order' : 'missed');
  const values = heard.filter((value) => value !== 'removed');
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
// BREAK = store first | read index after | wait | ask | read again | once | correct: each makes some run fail.
