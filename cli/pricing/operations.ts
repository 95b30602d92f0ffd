import { type Fleet, packetOverhead, secondsBetweenPackets } from './fleet';
import { nothing, sumOf, times, type Units } from './units';

/*
 * The units of each thing a client does, as the bill of the local cloud counts them where frames arrive one at a time and
 * containers remember who subscribes: test/cli/pricing/operations.test.ts holds these formulas to it.
 */

/** Bytes of MQTT in a frame: 32 KB of base64, less its number. */
const frameBytes = 24_564;
const gatewayStep = 32 * 1024;
const queueStep = 64 * 1024;
const readStep = 4 * 1024;
const writeStep = 1024;

/** What a stored message has besides its payload: 171 bytes and its topic in a ring. */
const itemOverhead = 200;

/** Small QoS 1 messages of a burst share items: ADR 0011. A message counts with some 50 bytes besides its payload. */
export const bundleSize = 8;
export const bundleBytes = 2_048;
const bundledOverhead = 60;

/** A frame of acknowledgements, or one that brings a single short packet: it is sent, received and deleted. */
const shortFrame: Units = { ...nothing, messagesIn: 1, fifoRequests: 3, onPackets: 1 };
const shortPost: Units = { ...nothing, messagesOut: 1, bytesOut: 8 };

/** A burst of messages of one device to all its subscribers, acknowledgements included; a single message is a burst of one. */
export function publication(fleet: Fleet): Units {
  const inbound = { ...publishFrames(fleet), metricLines: 1 };
  const perSubscriber = sumOf([publishPost(fleet), acknowledgements(fleet), deliveryUnits(fleet)]);
  return sumOf([inbound, publisherUnits(fleet), times(perSubscriber, fleet.fanout), retainedUnits(fleet)]);
}

/** PINGREQ and PINGRESP: the connection is committed. */
export const ping: Units = sumOf([shortFrame, shortPost, { ...nothing, writes: 1 }]);

/**
 * A connection that ended after two hours comes back: $disconnect, the handshake, CONNECT with a session, and a look after
 * ten seconds whether it was let in. A login with a password reads four units more, which are left out.
 */
export const reconnect: Units = sumOf([
  times(shortFrame, 2),
  shortPost,
  { ...nothing, messagesIn: -1 }, // $disconnect is a message of the queue, but none of a client
  { ...nothing, onConnect: 1, onTimer: 1, standardRequests: 3, reads: 5, writes: 6 },
]);

/** What the row of a connection without a token has on average. Every look at all connections reads it, at half the price. */
export const connectionBytes = 270;

/** Below so many seconds a keep-alive is watched closely: by two looks more a minute. */
export const closeBelow = 130;
/** Below so many seconds a keep-alive is watched by timers that start each other. */
export const timersBelow = 17;
/** Seconds that may be left when a look starts a timer. */
export const horizon = 65;
export const closeHorizon = 25;

/** Looks at all connections in a minute. */
export function looksPerMinute({ devices, keepAlive }: Fleet): number {
  return devices > 0 && keepAlive < closeBelow && keepAlive >= timersBelow ? 3 : 1;
}

/** What looking at one connection for a minute reads. */
export function looks(fleet: Fleet): Units {
  return { ...nothing, reads: (looksPerMinute(fleet) * connectionBytes) / readStep / 2 };
}

/** A look that a message of the timer queue asks for, and a timer that comes and finds that the client has spoken. */
export const closeLook: Units = { ...nothing, standardRequests: 3, onTimer: 1 };
const timer: Units = { ...closeLook, reads: 1 };

/** The timers of one connection in a minute: a client that speaks in time is seldom so late that a look starts one. */
export function timers(fleet: Fleet): Units {
  const { keepAlive } = fleet;
  const apart = secondsBetweenPackets(fleet);
  const patience = 1.5 * keepAlive;
  if (keepAlive < timersBelow) return times(timer, 60 / (Math.floor(patience / apart) * apart));
  const seen = keepAlive < closeBelow ? closeHorizon : horizon;
  return times(timer, looksPerMinute(fleet) * Math.max(0, (apart - (patience - seen)) / apart));
}

function burstBytes({ burst, payload }: Fleet): number {
  return burst * (payload + packetOverhead);
}

function base64Length(bytes: number): number {
  return 4 * Math.ceil(bytes / 3);
}

/** What a client publishes at once arrives in few frames, which one invocation works off. */
function publishFrames(fleet: Fleet): Units {
  const bytes = burstBytes(fleet);
  const frames = Math.ceil(bytes / frameBytes);
  const receives = Math.ceil(base64Length(bytes) / queueStep);
  return { ...nothing, messagesIn: frames, fifoRequests: frames + receives + 1, onPackets: 1 };
}

function publishPost(fleet: Fleet): Units {
  const bytesOut = base64Length(burstBytes(fleet));
  return { ...nothing, messagesOut: Math.ceil(bytesOut / gatewayStep), bytesOut };
}

/** Frames of one subscriber, and what the broker answers. */
function acknowledgements({ qos }: Fleet): Units {
  if (qos === 0) return nothing;
  if (qos === 1) return shortFrame; // PUBACK
  return sumOf([times(shortFrame, 2), shortPost]); // PUBREC, PUBREL, PUBCOMP
}

/** The publisher's side: its connection, the list of shapes, and at QoS 2 what is held until PUBREL. */
function publisherUnits({ qos, burst, payload }: Fleet): Units {
  const connection = { ...nothing, reads: 2, writes: 1 };
  if (qos === 0) return connection;
  if (qos === 1) return sumOf([connection, shortPost]);
  const bytes = payload + itemOverhead;
  const held = {
    ...nothing,
    reads: 2 + burst * Math.ceil(bytes / readStep),
    writes: 1 + burst * 2 * Math.ceil(bytes / writeStep),
  };
  return sumOf([connection, held, shortFrame, times(shortPost, 2)]);
}

/** A subscriber's side: the head of its session, its ring, and the commits of its acknowledgements. */
function deliveryUnits(fleet: Fleet): Units {
  const { qos, burst, payload } = fleet;
  if (qos === 0) return { ...nothing, reads: 1 };
  if (qos === 1) return { ...nothing, reads: 1, writes: 2 + 2 * ringWrites(fleet) };
  const message = Math.ceil((payload + itemOverhead) / writeStep);
  return { ...nothing, reads: burst === 1 ? 4 : 3 + 2 * burst, writes: 3 + burst * (3 + 2 * message) };
}

/** Write units of a burst in a ring; deleting it costs the same. */
function ringWrites({ burst, payload }: Fleet): number {
  const alone = Math.ceil((payload + itemOverhead) / writeStep);
  const bundleContent = bundleSize * (payload + bundledOverhead);
  if (bundleContent > bundleBytes) return burst * alone;
  const bundles = Math.floor(burst / bundleSize);
  return bundles * Math.ceil((bundleContent + itemOverhead) / writeStep) + (burst % bundleSize) * alone;
}

/** A retained message is written under both of its access paths, once whole. */
function retainedUnits({ retained, payload }: Fleet): Units {
  if (!retained) return nothing;
  return { ...nothing, reads: 1, writes: 1 + Math.ceil((payload + itemOverhead) / writeStep) };
}
