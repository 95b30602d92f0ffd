import { text } from './attributes';
import type { Item } from './dynamo';

/** Returns the key of a row in the connections table. */
export function connectionKey(connectionId: string): Item {
  return { connectionId: text(connectionId) };
}
