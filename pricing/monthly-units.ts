import { scheduleSeconds } from '../lambdas/deployment';
import { burstsPerDay, daysPerMonth, type Fleet, pingsPerDay, secondsPerDay } from './fleet';
import { deadline, ping, publication, reconnect, secondsBetweenDeadlines } from './operations';
import { nothing, sumOf, times, type Units } from './units';

/** What units are spent on. */
export type Purpose = 'messages' | 'pings' | 'deadlines' | 'connections' | 'standing';

/** API Gateway ends every connection after two hours. */
const connectionsPerDay = 12;

/** Lambda polls an idle queue all the time, an estimate: 5 pollers that wait 20 s. */
const pollsPerQueue = (5 * daysPerMonth * secondsPerDay) / 20;

/** The sweeper asks each of four shards, also where there is nothing. */
const shards = 4;

/** The units of a month, by what they are spent on. */
export function monthlyUnits(fleet: Fleet): Record<Purpose, Units> {
  const deviceDays = fleet.devices * daysPerMonth;
  const checksPerDay = secondsPerDay / secondsBetweenDeadlines(fleet);
  const connected = { ...nothing, connectionMinutes: secondsPerDay / 60 };
  return {
    messages: times(publication(fleet), deviceDays * burstsPerDay(fleet)),
    pings: times(ping, deviceDays * pingsPerDay(fleet)),
    deadlines: times(deadline(fleet), deviceDays * checksPerDay),
    connections: times(sumOf([connected, times(reconnect, connectionsPerDay)]), deviceDays),
    standing: standingUnits(),
  };
}

/** What a broker does with nobody connected: the queues of frames, of fan-out and of timers are polled, and the sweeper runs. */
function standingUnits(): Units {
  const runs = (daysPerMonth * secondsPerDay) / scheduleSeconds;
  return {
    ...nothing,
    fifoRequests: 2 * pollsPerQueue,
    standardRequests: pollsPerQueue,
    onSchedule: runs,
    reads: runs * shards,
  };
}
