import type { SessionId } from '../broker/model/fence';
import type { Qos2Record } from '../broker/model/queued-message';
import type { Clock } from '../broker/ports/process';
import { flag, number, readFlag, readNumber, readText, text } from './attributes';
import { type Item, readAll } from './dynamo';
import type { InflightTable } from './inflight-table';
import { keyOf, maxSortKeyBytes } from './shortened-keys';
import { qos2Record } from './slot-keys';

/** Seconds for which the routing of a QoS 2 message is remembered: longer than any queue keeps an event. */
const recordSeconds = 14 * 24 * 3600;

/** Records of the QoS 2 messages that were routed to a session. */
export class Qos2Records {
  constructor(
    private readonly table: InflightTable,
    private readonly now: Clock,
  ) {}

  async read(keys: readonly { session: SessionId; id: string }[]): Promise<Qos2Record[]> {
    const distinct = new Map(keys.map(({ session, id }) => [`${session} ${id}`, recordKey(session, id)]));
    const items = await readAll(this.table.db, this.table.name, [...distinct.values()]);
    return items.map((item) => ({
      session: readText(item.session),
      id: readText(item.id),
      number: readNumber(item.number),
      done: readFlag(item.done),
      ...(item.member ? { member: readText(item.member) } : {}),
      ...(item.routedAt ? { routedAt: readNumber(item.routedAt) } : {}),
    }));
  }

  async put(records: readonly Qos2Record[]): Promise<void> {
    const expiresAt = number(Math.ceil(this.now() / 1000) + recordSeconds);
    await this.table.write(
      records.map((record) => ({
        PutRequest: {
          Item: {
            ...recordKey(record.session, record.id),
            id: text(record.id),
            number: number(record.number),
            done: flag(record.done),
            ...(record.member === undefined ? {} : { member: text(record.member) }),
            ...(record.routedAt === undefined ? {} : { routedAt: number(record.routedAt) }),
            expiresAt,
          },
        },
      })),
    );
  }
}

function recordKey(session: SessionId, id: string): Item {
  return { session: text(session), slot: text(keyOf(id, maxSortKeyBytes, qos2Record)) };
}
