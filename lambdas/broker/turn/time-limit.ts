import type { InflightStore } from '../ports/inflight-store';
import type { Ports } from '../ports/ports';
import type { TopicIndex } from '../ports/topic-index-store';

/** A call that was not made, because the time of the invocation is nearly over. */
export class OutOfTime extends Error {}

/** Ports that call AWS. */
const limited = [
  'connectionStore',
  'sessions',
  'topicIndex',
  'shapeChecks',
  'lookup',
  'retained',
  'inflight',
  'connections',
  'packets',
  'timers',
  'fanOut',
  'bridge',
  'connectionLimiter',
] as const satisfies readonly (keyof Ports)[];

/** Methods that return an iterator of pages, so they throw instead of rejecting. */
const paged: readonly PropertyKey[] = ['inOrder', 'unordered', 'usedShapes'] satisfies readonly (
  | keyof InflightStore
  | keyof TopicIndex
)[];

/**
 * Returns the same ports, which refuse every call as soon as `isOver` returns true. A turn then ends at its next call, so its events can
 * be given back while the invocation still has time, and no part of it runs on in the next invocation.
 */
export function limitedBy(ports: Ports, isOver: () => boolean): Ports {
  const entries = limited.flatMap((name) => {
    const port = ports[name];
    return port ? [[name, limitedPort(port, isOver)]] : [];
  });
  return { ...ports, ...Object.fromEntries(entries) };
}

function limitedPort<Port extends object>(port: Port, isOver: () => boolean): Port {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (!isOver()) return Reflect.apply(value, target, args);
        const error = new OutOfTime('the time of the invocation is nearly over');
        if (paged.includes(name)) throw error;
        return Promise.reject(error);
      };
    },
  });
}
