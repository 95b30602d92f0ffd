import { scheduleSeconds } from '../../lambdas/deployment';
import { burstsPerDay, daysPerMonth, type Fleet, pingsPerDay, secondsPerDay } from './fleet';
import { extraSweep, ping, publication, reconnect, sweepsPerMinute, sweepUnits, timerUnits } from './operations';
import { sumOf, times, type Units, zeroUnits } from './units';

/**
 * Purpose of units, in the form of the JSON output: `watching` is keep-alive monitoring, `standing` the cost of an idle
 * broker.
 */
export type Purpose = 'messages' | 'pings' | 'watching' | 'connections' | 'standing';

/** API Gateway closes every connection after two hours. */
const connectionsPerDay = 12;

/** Estimated monthly polls of an idle queue: Lambda uses 5 pollers with long polls of 20 s. */
const pollsPerQueue = (5 * daysPerMonth * secondsPerDay) / 20;

const minutesPerDay = secondsPerDay / 60;

/** Read units of a sweep of an empty table. */
const emptySweepReads = 0.5;

/** Computes the monthly units of a fleet, by purpose. */
export function monthlyUnits(fleet: Fleet): Record<Purpose, Units> {
  const deviceDays = fleet.devices * daysPerMonth;
  const connected = { ...zeroUnits, connectionMinutes: minutesPerDay };
  return {
    messages: times(publication(fleet), deviceDays * burstsPerDay(fleet)),
    pings: times(ping, deviceDays * pingsPerDay(fleet)),
    watching: keepAliveUnits(fleet),
    connections: times(sumOf([connected, times(reconnect, connectionsPerDay)]), deviceDays),
    standing: idleUnits(),
  };
}

/** Returns the units of keep-alive monitoring: a sweep of all connections every minute, extra sweeps, and timers. */
function keepAliveUnits(fleet: Fleet): Units {
  const minutes = daysPerMonth * minutesPerDay;
  const each = sumOf([sweepUnits(fleet), timerUnits(fleet)]);
  return sumOf([times(each, fleet.devices * minutes), times(extraSweep, (sweepsPerMinute(fleet) - 1) * minutes)]);
}

/** Returns the units of a broker without clients: polls of the packets, fan-out and timer queues, and the schedule. */
function idleUnits(): Units {
  const runs = (daysPerMonth * secondsPerDay) / scheduleSeconds;
  return {
    ...zeroUnits,
    fifoRequests: 2 * pollsPerQueue,
    standardRequests: pollsPerQueue,
    onSchedule: runs,
    reads: runs * emptySweepReads,
  };
}
