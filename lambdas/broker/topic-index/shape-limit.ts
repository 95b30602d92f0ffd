import { createHash } from 'node:crypto';
import { accountOf } from '../../access/identity';
import { placesOf } from '../../protocol/shape';
import type { ConnectionRecord } from '../model/connection';
import type { ShapeList } from '../model/subscription';

/** Fractions of the places in the list of shapes that one client and one account may take. */
const clientShare = 1 / 8;
const accountShare = 1 / 2;

/** Places that a client may take in any case. */
const minShare = 16;

/** The limit that a shape exceeds: that of the list, of the client or of its account. */
export type ShapeLimitReached = 'list' | 'client' | 'account';

/** Takes the places of a new shape, or returns the limit that forbids it. A listed shape takes none. */
export type FreeShapes = (shape: string) => ShapeLimitReached | undefined;

/** Characters of a digest in base64, which are 36 bits. */
const digestLength = 6;

/** Returns the owner that new shapes are charged to: digests of an account and of one of its clients. */
export function ownerOf({ identity, clientId }: Pick<ConnectionRecord, 'identity' | 'clientId'>): string {
  return digest(accountOf(identity)) + digest(clientId);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, digestLength);
}

/** Returns a function that takes places for further shapes of one owner. `maxShapes` is the number of places in the list. */
export function freeShapes({ revisions, owners }: ShapeList, owner: string, maxShapes: number): FreeShapes {
  const listed = new Set(revisions.keys());
  const account = owner.slice(0, digestLength);
  const ofAccount = [...owners].filter(([, other]) => other.startsWith(account));
  const ofClient = ofAccount.filter(([, other]) => other === owner);
  const taken = {
    list: placesOfAll(listed),
    client: placesOfAll(ofClient.map(([shape]) => shape)),
    account: placesOfAll(ofAccount.map(([shape]) => shape)),
  };
  const max = {
    list: maxShapes,
    client: Math.max(minShare, Math.floor(maxShapes * clientShare)),
    account: Math.max(minShare, Math.floor(maxShapes * accountShare)),
  };
  return (shape) => {
    if (listed.has(shape)) return undefined;
    const places = placesOf(shape);
    const exceeded = kinds.find((kind) => taken[kind] + places > max[kind]);
    if (exceeded) return exceeded;
    listed.add(shape);
    for (const kind of kinds) taken[kind] += places;
    return undefined;
  };
}

const kinds = ['list', 'client', 'account'] as const;

/** Returns the places that shapes take in the list. */
export function placesOfAll(shapes: Iterable<string>): number {
  return [...shapes].reduce((sum, shape) => sum + placesOf(shape), 0);
}
