import type { RetainedStore } from '../../../lambdas/broker/ports/retained-store';
import type { Message } from '../../../lambdas/protocol/effects';

/** Stores a message as a writer does that waits for nobody. `attempted`: an earlier attempt may have stored it. */
export async function retain(
  store: RetainedStore,
  message: Message,
  { account = '', attempted = false }: { readonly account?: string; readonly attempted?: boolean } = {},
): Promise<void> {
  const { write } = await store.begin(message.topic);
  await store.put(message, write, { id: 'event', attempted, account });
}

/** Removes what is retained of a topic as such a writer does. */
export async function unretain(store: RetainedStore, topic: string): Promise<void> {
  const { write } = await store.begin(topic);
  await store.remove(write);
  await store.endRemoval(write);
}

/** Messages that a filter finds. */
export async function retained(store: RetainedStore, filter: string): Promise<Message[]> {
  return (await store.match(filter)).map(({ message }) => message);
}
