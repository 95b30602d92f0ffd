/*
 * Proved elsewhere: concurrent additions to the list: shape-removal.test.ts; the responses to clients: shapes.test.ts.
 */
import { describe, expect, it } from '@jest/globals';
import type { ShapeList } from '../../../lambdas/broker/model/subscription';
import { freeShapes, ownerOf, placesOfAll } from '../../../lambdas/broker/topic-index/shape-limit';
import { placesOf, shapeOf } from '../../../lambdas/protocol/shape';
import { settingRules } from '../../../lambdas/settings';
import house from '../../fixtures/house-filters.json';

const maxShapes = settingRules.maxShapes.default;

function user(username: string, clientId: string): string {
  return ownerOf({ identity: { kind: 'user', username }, clientId });
}

/** Distinct shapes of eight levels. */
function shapes(count: number, last = 'L'): string[] {
  return Array.from({ length: count }, (_, index) => {
    return index.toString(2).padStart(10, '0').replaceAll('0', 'L').replaceAll('1', '+') + last;
  });
}

function listOf(charged: readonly (readonly [string, string | undefined])[]): ShapeList {
  return {
    revisions: new Map(charged.map(([shape]) => [shape, 1])),
    owners: new Map(charged.flatMap(([shape, owner]) => (owner === undefined ? [] : [[shape, owner]]))),
    version: charged.length,
  };
}

/** Returns how many of these shapes the owner may add. */
function admitted(list: ShapeList, owner: string, wanted: readonly string[], max = maxShapes): number {
  const exceededLimit = freeShapes(list, owner, max);
  return wanted.filter((shape) => exceededLimit(shape) === undefined).length;
}

const mine = user('ann', 'phone');

describe('the list of shapes', () => {
  it('gives one client an eighth of its places', () => {
    expect(admitted(listOf([]), mine, shapes(300))).toBe(32);
    expect(freeShapes(listOf(shapes(32).map((shape) => [shape, mine])), mine, maxShapes)('L#')).toBe('client');
  });

  it('gives one account half of its places, however many clients it has', () => {
    const others = shapes(128).map((shape, index) => [shape, user('ann', `client ${index % 20}`)] as const);

    expect(freeShapes(listOf(others), mine, maxShapes)('L#')).toBe('account');
    expect(admitted(listOf(others.slice(0, 120)), mine, shapes(20, '#'))).toBe(8);
    expect(admitted(listOf(others), user('ben', 'phone'), shapes(20, '#'))).toBe(20);
  });

  it('gives all accounts together its places', () => {
    const others = shapes(250).map((shape, index) => [shape, user(`user ${index}`, 'phone')] as const);

    expect(admitted(listOf(others), mine, shapes(20, '#'))).toBe(6);
    expect(freeShapes(listOf(shapes(256).map((shape) => [shape, undefined])), mine, maxShapes)('L#')).toBe('list');
  });

  it('charges nobody for a listed shape', () => {
    const full = listOf(shapes(256).map((shape) => [shape, undefined]));

    expect(admitted(full, mine, shapes(256))).toBe(256);
  });

  it('charges a client once for a shape that it adds twice', () => {
    expect(admitted(listOf([]), mine, [...shapes(32), ...shapes(32)])).toBe(64);
  });

  it('distinguishes equal client ids of two accounts', () => {
    const others = shapes(32).map((shape) => [shape, user('ben', 'phone')] as const);

    expect(admitted(listOf(others), mine, shapes(40, '#'))).toBe(32);
  });

  it('counts a shape by its length, so that the list stays small', () => {
    expect(['L', 'L'.repeat(12), 'L'.repeat(13), 'L'.repeat(64), 'L1024'].map(placesOf)).toEqual([1, 1, 2, 6, 1]);
    const long = Array.from({ length: 10 }, (_, index) => `${'+L'.repeat(50 + index)}`);

    expect(admitted(listOf([]), mine, long)).toBe(3);
  });

  it('gives a client sixteen places where there are few', () => {
    expect(admitted(listOf([]), mine, shapes(40), 20)).toBe(16);
    expect(admitted(listOf([]), mine, shapes(40), 4)).toBe(4);
  });
});

describe('a house full of integrations', () => {
  const clients = Object.entries(house);
  const shapesOf = (filters: readonly string[]) => new Set(filters.map(shapeOf));

  it('has a quarter of the shapes that one account may have, all its clients together', () => {
    const all = shapesOf(clients.flatMap(([, filters]) => filters));

    expect(placesOfAll(all)).toBeLessThanOrEqual(maxShapes / 2 / 4);
    expect(all.size).toBeGreaterThan(20);
  });

  it.each(clients)(
    'has no client that comes near its share, also if it is the first to connect: %s',
    (_name, filters) => {
      expect(placesOfAll(shapesOf(filters))).toBeLessThanOrEqual(maxShapes / 8 / 2);
    },
  );
});
