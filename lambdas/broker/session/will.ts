import { accountOf } from '../../access/identity';
import type { Will } from '../../protocol/effects';
import type { ConnectionRecord } from '../model/connection';
import type { IncomingMessage } from '../model/delivery';
import { logDenials } from '../observability/denied-log';
import type { Ports } from '../ports/ports';
import type { Publisher } from '../publishing/publisher';

/** A will, and the connection that left it. */
export interface DueWill extends Pick<ConnectionRecord, 'clientId' | 'connectionId' | 'identity'> {
  readonly will: Will;
}

/**
 * Publishes the will of a connection that was lost [v3 MQTT-3.1.2-8], if its client may still publish it: the account may have changed
 * since CONNECT. At QoS 0 removing the will is the right to publish it, so it is published at most once; above QoS 0 it is removed
 * after it is durable.
 */
export async function publishWill(ports: Ports, publisher: Publisher, due: DueWill): Promise<void> {
  const { clientId, connectionId, identity, will } = due;
  const permissions = await ports.access.currentPermissions(identity, clientId);
  if (permissions === 'revoked' || !permissions.mayPublish(will.message)) {
    return logDenials(ports, due, [{ do: 'deny', action: 'publish', topic: will.message.topic }]);
  }
  const expiresAt = will.expiry === undefined ? {} : { expiresAt: ports.now() + will.expiry * 1000 };
  const message = { ...will.message, ...expiresAt };
  const flags = { replay: false, attempted: true, retained: false };
  const incoming: IncomingMessage = { message, id: `will#${connectionId}`, ...flags, account: accountOf(identity) };
  if (message.qos > 0) return publisher.publish([incoming]);
  if (message.retain) await publisher.retain([incoming]);
  if ((await ports.sessions.removeWill(clientId, connectionId)) === 'absent') return;
  await publisher.route([incoming]);
}
