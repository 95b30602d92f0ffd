import { createHash } from 'node:crypto';
import { accountOf } from '../../access/identity';
import { placesOf } from '../../protocol/shape';
import type { ConnectionRecord } from '../model/connection';
import type { ShapeList } from '../model/subscription';

/** Of all places in the list of shapes, those that one client and one account may take: an eighth and a half. */
const clientShare = 1 / 8;
const accountShare = 1 / 2;

/** Places that a client may take at least, however few there are. */
const smallestShare = 16;

/** What has no place left: the list, or the share of the client or of its account. */
export type ShapeLimitReached = 'list' | 'client' | 'account';

/** Takes the places of a new shape, or says why it cannot. A shape that is listed takes none. */
export type FreeShapes = (shape: string) => ShapeLimitReached | undefined;

/** Characters of a digest in base64: 36 bits. */
const digestLength = 6;

/** Who new shapes are charged to: an account, and one of its clients. */
export function ownerOf({ identity, clientId }: Pick<ConnectionRecord, 'identity' | 'clientId'>): string {
  return digest(accountOf(identity)) + digest(clientId);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, digestLength);
}

/** Room for further shapes of one owner. */
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
  const most = {
    list: maxShapes,
    client: Math.max(smallestShare, Math.floor(maxShapes * clientShare)),
    account: Math.max(smallestShare, Math.floor(maxShapes * accountShare)),
  };
  return (shape) => {
    if (listed.has(shape)) return undefined;
    const places = placesOf(shape);
    const exhausted = kinds.find((kind) => taken[kind] + places > most[kind]);
    if (exhausted) return exhausted;
    listed.add(shape);
    for (const kind of kinds) taken[kind] += places;
    return undefined;
  };
}

const kinds = ['list', 'client', 'account'] as const;

/** Places taken in a list of shapes. */
export function placesOfAll(shapes: Iterable<string>): number {
  return [...shapes].reduce((sum, shape) => sum + placesOf(shape), 0);
}
