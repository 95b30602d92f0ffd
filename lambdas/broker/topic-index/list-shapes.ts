import type { Settings } from '../../settings';
import { together } from '../../shared/parallel';
import type { ConnectionRecord } from '../model/connection';
import type { ShapeList } from '../model/subscription';
import type { Ports } from '../ports/ports';
import { shapesPerWrite } from '../ports/topic-index-store';
import { freeShapes, ownerOf, placesOfAll } from './shape-limit';

/** Used part of the list from which new shapes are logged as a warning. */
const warnFrom = 3 / 4;

/** Shapes of rows that were just written. */
export interface ShapesToList extends Pick<Settings, 'maxShapes'> {
  readonly shapes: readonly string[];
  /** The list of shapes as it was read before the rows were written. */
  readonly list: ShapeList;
}

/**
 * Makes rows that were just written visible to every publisher: gives listed shapes a new revision and lists new ones. A shape that
 * was removed since `list` was read is listed again. Each further attempt means that another client has listed or removed a shape, so
 * attempts are as few as such changes.
 *
 * @returns the shapes that do not fit any more, because other clients have listed shapes since. Their rows are to be removed.
 */
export async function listShapes(
  ports: Pick<Ports, 'topicIndex' | 'log'>,
  connection: Pick<ConnectionRecord, 'clientId' | 'identity'>,
  { shapes, list, maxShapes }: ShapesToList,
): Promise<ReadonlySet<string>> {
  const refused = new Set<string>();
  let left = shapes;
  for (let seen = list; ; seen = await ports.topicIndex.shapes()) {
    left = await touch(ports, left, seen);
    if (left.length === 0) return refused;
    if (left.some((shape) => seen.revisions.has(shape))) continue;
    const owner = ownerOf(connection);
    const exceededLimit = freeShapes(seen, owner, maxShapes);
    const admitted = left.filter((shape) => exceededLimit(shape) === undefined);
    for (const shape of left) if (!admitted.includes(shape)) refused.add(shape);
    const batch = admitted.slice(0, shapesPerWrite);
    const isListed = batch.length === 0 || (await ports.topicIndex.list(batch, owner, seen)) === 'listed';
    if (isListed) warnIfNearLimit(ports, connection, { maxShapes, shapes: [...seen.revisions.keys(), ...batch] });
    left = isListed ? admitted.slice(batch.length) : admitted;
    if (left.length === 0) return refused;
  }
}

/** Gives listed shapes a new revision, and returns the others. */
async function touch(
  { topicIndex }: Pick<Ports, 'topicIndex'>,
  shapes: readonly string[],
  { revisions }: ShapeList,
): Promise<string[]> {
  const isTouched = await together(
    shapes.map(async (shape) => revisions.has(shape) && (await topicIndex.touch(shape)) === 'touched'),
  );
  return shapes.filter((_, index) => !isTouched[index]);
}

function warnIfNearLimit(
  { log }: Pick<Ports, 'log'>,
  { clientId }: Pick<ConnectionRecord, 'clientId'>,
  { shapes, maxShapes }: Pick<ShapesToList, 'shapes' | 'maxShapes'>,
): void {
  const places = placesOfAll(shapes);
  if (places >= maxShapes * warnFrom) log('shapes run out', { clientId, places, maxShapes });
}
