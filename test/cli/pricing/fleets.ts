import type { Fleet } from '../../../cli/pricing/fleet';

/** Default fleet of `cirrus-mqtt cost`. */
export function fleet(other: Partial<Fleet> = {}): Fleet {
  return {
    devices: 100,
    messagesPerDay: 24,
    burst: 1,
    payload: 100,
    qos: 1,
    fanout: 1,
    retained: false,
    keepAlive: 540,
    invocationMilliseconds: 30,
    ...other,
  };
}
