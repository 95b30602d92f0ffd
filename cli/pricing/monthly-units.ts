import { scheduleSeconds } from '../../lambdas/deployment';
import { burstsPerDay, daysPerMonth, type Fleet, pingsPerDay, secondsPerDay } from './fleet';
import { closeLook, looks, looksPerMinute, ping, publication, reconnect, timers } from './operations';
import { nothing, sumOf, times, type Units } from './units';

/** What units are spent on. */
export type Purpose = 'messages' | 'pings' | 'watching' | 'connections' | 'standing';

/** API Gateway ends every connection after two hours. */
const connectionsPerDay = 12;

/** Lambda polls an idle queue all the time, an estimate: 5 pollers that wait 20 s. */
const pollsPerQueue = (5 * daysPerMonth * secondsPerDay) / 20;

const minutesPerDay = secondsPerDay / 60;

/** A look at no connection at all is half a unit. */
const emptyLook = 0.5;

/** The units of a month, by what they are spent on. */
export function monthlyUnits(fleet: Fleet): Record<Purpose, Units> {
  const deviceDays = fleet.devices * daysPerMonth;
  const connected = { ...nothing, connectionMinutes: minutesPerDay };
  return {
    messages: times(publication(fleet), deviceDays * burstsPerDay(fleet)),
    pings: times(ping, deviceDays * pingsPerDay(fleet)),
    watching: watchingUnits(fleet),
    connections: times(sumOf([connected, times(reconnect, connectionsPerDay)]), deviceDays),
    standing: standingUnits(),
  };
}

/** Whether devices are still there: every minute each is looked at, some more closely. */
function watchingUnits(fleet: Fleet): Units {
  const minutes = daysPerMonth * minutesPerDay;
  const each = sumOf([looks(fleet), timers(fleet)]);
  return sumOf([times(each, fleet.devices * minutes), times(closeLook, (looksPerMinute(fleet) - 1) * minutes)]);
}

/** What a broker does with nobody connected: the queues of frames, of fan-out and of timers are polled, and the schedule runs. */
function standingUnits(): Units {
  const runs = (daysPerMonth * secondsPerDay) / scheduleSeconds;
  return {
    ...nothing,
    fifoRequests: 2 * pollsPerQueue,
    standardRequests: pollsPerQueue,
    onSchedule: runs,
    reads: runs * emptyLook,
  };
}
