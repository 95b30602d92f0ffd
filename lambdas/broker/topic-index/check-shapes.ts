import { canonicalShape, lettersOf } from '../../protocol/shape';
import type { ShapeList, UsedShapes } from '../model/subscription';
import type { Ports } from '../ports/ports';
import { requestMemory, shapesPerWrite } from '../ports/topic-index-store';

/** Milliseconds from the request for a shape check until the check. */
export const checkDelay = 120_000;

/** Milliseconds after the last request until every container requests again; 20 s are for clock skew. */
const settlingTime = requestMemory + 20_000;

/** Milliseconds that one check may read the index, within the timeout of its invocation. */
const maxReadTime = 12_000;

type CheckingPorts = Pick<Ports, 'topicIndex' | 'shapeChecks' | 'now' | 'log'>;

/**
 * Removes the shapes that no row has. The check reads the list before the rows, and removes a shape only at the revision that it had
 * then. SUBSCRIBE writes its rows before it touches the shape: either the check finds the rows, or the touch changes the revision, or
 * the touch follows the removal and SUBSCRIBE lists the shape again.
 */
export async function checkShapes(ports: CheckingPorts): Promise<void> {
  const start = ports.now();
  const check = await ports.shapeChecks.read();
  if (!check) return;
  const list = await ports.topicIndex.shapes();
  const suspects = check.shapes.filter((shape) => list.revisions.has(shape));
  const unused = await unusedShapes(ports, list, suspects);
  if (unused.length > 0) await remove(ports, list, unused);
  const isSettled = start - check.latestAt >= settlingTime;
  if (isSettled && (await ports.shapeChecks.remove(check)) === 'removed') return;
  await ports.shapeChecks.postpone(check.shapes.filter((shape) => !suspects.includes(shape)));
}

/** Returns the listed shapes that no row has. Returns none as soon as each suspect is found in a row, usually on the first page. */
async function unusedShapes(
  { topicIndex, now, log }: CheckingPorts,
  { revisions }: ShapeList,
  suspects: readonly string[],
): Promise<string[]> {
  const start = now();
  const unseen = new Set(revisions.keys());
  if (suspects.length === 0) return [];
  for await (const page of topicIndex.usedShapes()) {
    for (const shape of unseen) if (isUsed(shape, page)) unseen.delete(shape);
    if (!suspects.some((shape) => unseen.has(shape))) return [];
    if (now() - start > maxReadTime) {
      log('shape check timed out', { suspects: suspects.length });
      return [];
    }
  }
  return [...unseen];
}

function isUsed(shape: string, { shapes, prefixes }: UsedShapes): boolean {
  if (shapes.has(canonicalShape(shape))) return true;
  const letters = lettersOf(shape);
  return prefixes.some((prefix) => letters.startsWith(lettersOf(prefix)));
}

/** Removes shapes whose revision is still that of `before`. A touched shape has lost or got rows: another check decides. */
async function remove({ topicIndex, log }: CheckingPorts, before: ShapeList, unused: readonly string[]): Promise<void> {
  const isUntouched =
    ({ revisions }: ShapeList) =>
    (shape: string) =>
      revisions.get(shape) === before.revisions.get(shape);
  let seen = before;
  let removed = 0;
  for (let left = unused.filter(isUntouched(seen)); left.length > 0; ) {
    const batch = left.slice(0, shapesPerWrite);
    if ((await topicIndex.unlist(batch, seen)) === 'unlisted') removed += batch.length;
    seen = await topicIndex.shapes();
    left = left.filter(isUntouched(seen));
  }
  if (removed > 0) log('shapes removed', { removed, left: seen.revisions.size });
}
