import type { RetainedStore } from '../../../lambdas/broker/ports/retained-store';
import type { Message } from '../../../lambdas/protocol/effects';

/** Stores a message like a writer that does not wait. `attempted`: an earlier attempt may have stored it. */
export async function retain(
  store: RetainedStore,
  message: Message,
  { account = '', attempted = false }: { readonly account?: string; readonly attempted?: boolean } = {},
): Promise<void> {
  const { write } = await store.begin(message.topic);
  await store.put(message, write, { id: 'event', attempted, account });
}

/** Removes the retained message of a topic like a writer that does not wait. */
export async function unretain(store: RetainedStore, topic: string): Promise<void> {
  const { write } = await store.begin(topic);
  await store.remove(write);
  await store.endRemoval(write);
}

/** Returns the messages that match a filter. */
export async function retained(store: RetainedStore, filter: string): Promise<Message[]> {
  return (await store.match(filter)).map(({ message }) => message);
}
