import { prices } from '../../lambdas/prices';
import { gigabyte } from './broker-bill';
import { type Bill, billOf, charge, type FreeTier } from './charges';
import { daysPerMonth, type Fleet, packetOverhead, secondsPerDay } from './fleet';

/** AWS IoT Core meters messages in steps of 5 KB, topic included. */
const step = 5 * 1024;
const topicBytes = 32;

/** A connection over WebSocket lasts a day at most. */
const connectsPerDay = 1;

const freeTiers: readonly FreeTier[] = [
  { of: ['IoT Core connection minutes'], amount: 2_250_000, lasts: 'twelve months' },
  { of: ['IoT Core messages'], amount: 500_000, lasts: 'twelve months' },
  { of: ['data transfer out, GB'], amount: 100, lasts: 'always' },
];

/**
 * What the same fleet costs at AWS IoT Core: connectivity and messaging, no rules. It has no QoS 2, which is counted as
 * QoS 1, and does not bill PINGREQ.
 */
export function iotCoreBill(fleet: Fleet): Bill {
  const { devices, messagesPerDay, fanout, payload } = fleet;
  const deviceDays = devices * daysPerMonth;
  const messages = deviceDays * (messagesPerDay * meteredMessages(fleet) + connectsPerDay);
  const bytesOut = deviceDays * messagesPerDay * fanout * (payload + packetOverhead);
  const charges = [
    charge('IoT Core connection minutes', (deviceDays * secondsPerDay) / 60, prices.iotConnectionMinute),
    charge('IoT Core messages', messages, prices.iotMessage),
    charge('data transfer out, GB', bytesOut / gigabyte, prices.transferGb),
  ];
  return billOf(charges, freeTiers);
}

/** PUBLISH in, its retained copy, PUBLISH out, and the subscriber's PUBACK. */
function meteredMessages({ payload, qos, fanout, retained }: Fleet): number {
  const steps = Math.ceil((payload + topicBytes) / step);
  return steps * (1 + Number(retained) + fanout) + (qos === 0 ? 0 : fanout);
}
