import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ShapeCheck } from '../../lambdas/broker/model/subscription';
import { requestMemory, type ShapeChecks } from '../../lambdas/broker/ports/topic-index-store';
import { DynamoShapeChecks } from '../../lambdas/storage/shape-checks';
import { Engine, open } from './support/engine';

describe('the request for a check of shapes', () => {
  let engine: Engine;
  let now: number;
  let writes: number;

  beforeEach(async () => {
    engine = await Engine.start();
    now = 1_700_000_000_000;
    writes = 0;
  });

  afterEach(() => engine.stop());

  /** Each container remembers its own requests. */
  function container(): ShapeChecks {
    const counted = engine.client((request) => {
      writes += 1;
      return open(request);
    });
    return new DynamoShapeChecks(counted, engine.table('connections'), () => now);
  }

  async function read(): Promise<ShapeCheck | undefined> {
    const check = await container().read();
    return check && { ...check, shapes: [...check.shapes].sort() };
  }

  it('is absent until it is requested, and after it was removed', async () => {
    expect(await read()).toBeUndefined();
    await container().request(['L+']);
    const check = await read();
    expect(await container().remove(check!)).toBe('removed');

    expect(await read()).toBeUndefined();
    expect(await container().remove(check!)).toBe('changed');
  });

  it('has the shapes of all requests', async () => {
    await container().request(['L+', 'L#']);
    now += 1000;
    await container().request(['L+', '+']);

    expect(await read()).toEqual({ shapes: ['+', 'L#', 'L+'], requests: 2, latestAt: now });
  });

  it('is made once a minute for a shape by one container', async () => {
    const one = container();
    await one.request(['L+']);
    now += requestMemory - 1;
    await one.request(['L+']);
    await one.request([]);
    expect(writes).toBe(1);

    await one.request(['L+', 'L#']);
    now += 1;
    await one.request(['L+']);
    expect(writes).toBe(3);
    expect(await read()).toMatchObject({ shapes: ['L#', 'L+'], requests: 3, latestAt: now });
  });

  it('is made again when it could not be written', async () => {
    let fails = true;
    const client = engine.client(async (request) => {
      if (fails) throw new Error('throttled');
      return request();
    });
    const one = new DynamoShapeChecks(client, engine.table('connections'), () => now);
    await expect(one.request(['L+'])).rejects.toThrow();
    fails = false;
    await one.request(['L+']);

    expect(await read()).toMatchObject({ shapes: ['L+'] });
  });

  it('is not removed when it was requested again after it was read', async () => {
    await container().request(['L+']);
    const check = await read();
    await container().request(['L+']);

    expect(await container().remove(check!)).toBe('changed');
    expect(await read()).toMatchObject({ shapes: ['L+'], requests: 2 });
  });

  it('is postponed without shapes that need no further check', async () => {
    await container().request(['L+', 'L#']);
    await container().postpone(['L#']);
    expect(await read()).toMatchObject({ shapes: ['L+'] });

    await container().postpone(['L+']);
    expect(await read()).toMatchObject({ shapes: [] });
  });

  it('does not come into being by being postponed', async () => {
    await container().postpone([]);
    await container().postpone(['L+']);

    expect(await read()).toBeUndefined();
  });
});
