import type { Effect } from '../../protocol/effects';
import { quoteTopic } from '../../protocol/topic';
import type { ConnectionRecord } from '../model/connection';
import type { Ports } from '../ports/ports';

type Denial = Extract<Effect, { do: 'deny' }>;

/** Logs what one turn has denied to a client, in one line so that a persistent client does not fill the log. */
export function logDenials(
  { log, metrics }: Pick<Ports, 'log' | 'metrics'>,
  {
    connectionId,
    clientId,
    identity: { username = '' },
  }: Pick<ConnectionRecord, 'connectionId' | 'clientId' | 'identity'>,
  denials: readonly Denial[],
): void {
  const [first] = denials;
  if (!first) return;
  const { action, topic } = first;
  log('denied', { connectionId, clientId, username, action, topic: quoteTopic(topic), count: denials.length });
  const messages = denials.filter((denial) => denial.action === 'publish').length;
  if (messages > 0) metrics.count('DroppedDenied', messages);
}
