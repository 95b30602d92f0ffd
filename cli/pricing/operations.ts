import { type Fleet, packetOverhead, secondsBetweenPackets } from './fleet';
import { sumOf, times, type Units, zeroUnits } from './units';

/*
 * Units of each operation of a client, equal to the bill of the local cloud if frames arrive one at a time and containers
 * have cached the subscribers: test/cli/pricing/operations.test.ts compares these formulas with that bill.
 */

/** Maximum bytes of MQTT in a frame: 32 KB of base64, minus the frame number. */
const frameBytes = 24_564;
const gatewayStep = 32 * 1024;
const queueStep = 64 * 1024;
const readStep = 4 * 1024;
const writeStep = 1024;

/** Bytes of a queue item besides its payload: 171 and the topic. */
const itemOverhead = 200;

/** Maximum number of small QoS 1 messages of a burst in one queue item, see ADR 0011. */
export const bundleSize = 8;
/** Maximum content of such an item in bytes. */
export const bundleBytes = 2_048;
/** Bytes of a bundled message besides its payload. */
const bundledOverhead = 60;

/** Frame with acknowledgements or a single short packet: the queue message is sent, received and deleted. */
const shortFrame: Units = { ...zeroUnits, messagesIn: 1, fifoRequests: 3, onPackets: 1 };
const shortPost: Units = { ...zeroUnits, messagesOut: 1, bytesOut: 8 };

/** Returns the units of a burst of one device to all subscribers, acknowledgements included. One message is a burst of 1. */
export function publication(fleet: Fleet): Units {
  const inbound = { ...publishFrames(fleet), metricLines: 1 };
  const perSubscriber = sumOf([publishPost(fleet), acknowledgements(fleet), deliveryUnits(fleet)]);
  return sumOf([inbound, publisherUnits(fleet), times(perSubscriber, fleet.fanout), retainedUnits(fleet)]);
}

/** Units of PINGREQ and PINGRESP. The turn commits the connection item. */
export const ping: Units = sumOf([shortFrame, shortPost, { ...zeroUnits, writes: 1 }]);

/**
 * Units of a reconnect after the two hours of API Gateway: $disconnect, the handshake, CONNECT with a session, and the
 * connect timeout after ten seconds. Excludes the four read units of a login with a password.
 */
export const reconnect: Units = sumOf([
  times(shortFrame, 2),
  shortPost,
  { ...zeroUnits, messagesIn: -1 }, // $disconnect is a queue message, but API Gateway does not bill it.
  { ...zeroUnits, onConnect: 1, onTimer: 1, standardRequests: 3, reads: 5, writes: 6 },
]);

/** Average bytes of a connection item without a token. Each sweep reads it, eventually consistent, at half the price. */
export const connectionBytes = 270;

/** A shorter keep-alive, in seconds, needs two extra sweeps a minute. */
export const extraSweepsBelow = 130;
/** A shorter keep-alive, in seconds, is monitored by a chain of timers instead of sweeps. */
export const timersBelow = 17;
/** A sweep starts a timer for connections that expire within this number of seconds. */
export const sweepHorizon = 65;
/** Same for short keep-alives, which have extra sweeps. */
export const extraSweepHorizon = 25;

/** Returns the number of sweeps of all connections per minute. */
export function sweepsPerMinute({ devices, keepAlive }: Fleet): number {
  return devices > 0 && keepAlive < extraSweepsBelow && keepAlive >= timersBelow ? 3 : 1;
}

/** Returns the units of the sweeps of one connection per minute. */
export function sweepUnits(fleet: Fleet): Units {
  return { ...zeroUnits, reads: (sweepsPerMinute(fleet) * connectionBytes) / readStep / 2 };
}

/** Units of the timer message that starts an extra sweep. */
export const extraSweep: Units = { ...zeroUnits, standardRequests: 3, onTimer: 1 };
/** Units of a timer that finds that the client has sent a packet. */
const timer: Units = { ...extraSweep, reads: 1 };

/** Returns the units of the timers of one connection per minute. A sweep rarely starts one for a client that sends in time. */
export function timerUnits(fleet: Fleet): Units {
  const { keepAlive } = fleet;
  const secondsApart = secondsBetweenPackets(fleet);
  const keepAliveTimeout = 1.5 * keepAlive;
  if (keepAlive < timersBelow) return times(timer, 60 / (Math.floor(keepAliveTimeout / secondsApart) * secondsApart));
  const currentHorizon = keepAlive < extraSweepsBelow ? extraSweepHorizon : sweepHorizon;
  return times(
    timer,
    sweepsPerMinute(fleet) * Math.max(0, (secondsApart - (keepAliveTimeout - currentHorizon)) / secondsApart),
  );
}

function burstBytes({ burst, payload }: Fleet): number {
  return burst * (payload + packetOverhead);
}

function base64Length(bytes: number): number {
  return 4 * Math.ceil(bytes / 3);
}

/** Returns the units of the frames of a burst. One invocation handles all of them. */
function publishFrames(fleet: Fleet): Units {
  const bytes = burstBytes(fleet);
  const frames = Math.ceil(bytes / frameBytes);
  const receives = Math.ceil(base64Length(bytes) / queueStep);
  return { ...zeroUnits, messagesIn: frames, fifoRequests: frames + receives + 1, onPackets: 1 };
}

function publishPost(fleet: Fleet): Units {
  const bytesOut = base64Length(burstBytes(fleet));
  return { ...zeroUnits, messagesOut: Math.ceil(bytesOut / gatewayStep), bytesOut };
}

/** Returns the units of the acknowledgements of one subscriber, and of the broker's responses. */
function acknowledgements({ qos }: Fleet): Units {
  if (qos === 0) return zeroUnits;
  if (qos === 1) return shortFrame; // PUBACK
  return sumOf([times(shortFrame, 2), shortPost]); // PUBREC, PUBREL, PUBCOMP
}

/** Returns the database units of the publisher: connection item, shapes, and at QoS 2 the messages stored until PUBREL. */
function publisherUnits({ qos, burst, payload }: Fleet): Units {
  const connection = { ...zeroUnits, reads: 2, writes: 1 };
  if (qos === 0) return connection;
  if (qos === 1) return sumOf([connection, shortPost]);
  const bytes = payload + itemOverhead;
  const qos2Units = {
    ...zeroUnits,
    reads: 2 + burst * Math.ceil(bytes / readStep),
    writes: 1 + burst * 2 * Math.ceil(bytes / writeStep),
  };
  return sumOf([connection, qos2Units, shortFrame, times(shortPost, 2)]);
}

/** Returns the database units of a subscriber: session item, outbound queue, and the commits of its acknowledgements. */
function deliveryUnits(fleet: Fleet): Units {
  const { qos, burst, payload } = fleet;
  if (qos === 0) return { ...zeroUnits, reads: 1 };
  if (qos === 1) return { ...zeroUnits, reads: 1, writes: 2 + 2 * queueWrites(fleet) };
  const message = Math.ceil((payload + itemOverhead) / writeStep);
  return { ...zeroUnits, reads: burst === 1 ? 4 : 3 + 2 * burst, writes: 3 + burst * (3 + 2 * message) };
}

/** Returns the write units of a burst in an outbound queue. A delete costs the same. */
function queueWrites({ burst, payload }: Fleet): number {
  const unbundled = Math.ceil((payload + itemOverhead) / writeStep);
  const bundleContent = bundleSize * (payload + bundledOverhead);
  if (bundleContent > bundleBytes) return burst * unbundled;
  const bundles = Math.floor(burst / bundleSize);
  return bundles * Math.ceil((bundleContent + itemOverhead) / writeStep) + (burst % bundleSize) * unbundled;
}

/** Returns the units of a retained message: the message, and a second item for its other access path. */
function retainedUnits({ retained, payload }: Fleet): Units {
  if (!retained) return zeroUnits;
  return { ...zeroUnits, reads: 1, writes: 1 + Math.ceil((payload + itemOverhead) / writeStep) };
}
