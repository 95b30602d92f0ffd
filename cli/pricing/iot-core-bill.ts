import { prices } from '../../lambdas/prices';
import { gigabyte } from './broker-bill';
import { type Bill, charge, createBill, type FreeTier } from './charges';
import { daysPerMonth, type Fleet, packetOverhead, secondsPerDay } from './fleet';

/** Metering step of AWS IoT Core in bytes; topic and payload count. */
const step = 5 * 1024;
const topicBytes = 32;

/** AWS IoT Core closes a WebSocket connection after one day. */
const connectsPerDay = 1;

const freeTiers: readonly FreeTier[] = [
  { of: ['IoT Core connection minutes'], amount: 2_250_000, lasts: 'twelve months' },
  { of: ['IoT Core messages'], amount: 500_000, lasts: 'twelve months' },
  { of: ['data transfer out, GB'], amount: 100, lasts: 'always' },
];

/**
 * Computes the bill of the same fleet with AWS IoT Core: connectivity and messaging, without rules. AWS IoT Core does not
 * support QoS 2, which counts as QoS 1, and does not bill PINGREQ.
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
  return createBill(charges, freeTiers);
}

/** Returns the metered messages of one publish: PUBLISH in, the retained copy, PUBLISH out, and the subscribers' PUBACKs. */
function meteredMessages({ payload, qos, fanout, retained }: Fleet): number {
  const steps = Math.ceil((payload + topicBytes) / step);
  return steps * (1 + Number(retained) + fanout) + (qos === 0 ? 0 : fanout);
}
