import type { QoS } from '../../lambdas/protocol/packets';
import { type Command, type Flags, UsageError } from '../command';
import { wholeNumber } from '../flag-values';
import { type ParsedValues, parseOptions } from '../parse-options';
import { maxBurst, maxBurstBytes, maxDevices, maxMessagesPerDay, maxPayload } from '../pricing/break-even';
import { compareCosts } from '../pricing/comparison';
import { describeComparison } from '../pricing/describe-comparison';
import { type Fleet, packetOverhead } from '../pricing/fleet';

/** Maximum of `inlineRecipients`: messages to more subscribers use the fan-out queue, which the estimate does not cover. */
const maxSubscribers = 100;

const help = `usage: cirrus-mqtt cost [--devices N] [--messages-per-day M] [options]

Estimates the cost of a fleet for a month of 30 days with cirrus-mqtt, with AWS IoT Core, and with Mosquitto on one
small EC2 instance. Uses the prices of us-east-1, makes no request to AWS and needs no account.

  --devices N          devices, always connected, 1 to 1000000; default 100
  --messages-per-day M messages that each device publishes, 0 to 86400; default 24
  --payload B          bytes of a payload, 0 to 97000; default 100
  --qos Q              QoS of messages and subscriptions, 0, 1 or 2; default 1
  --fanout F           devices that receive each message, all online, 0 to 100; default 1
  --keepalive S        keep-alive in seconds, 10 to 540; default 540. An idle device sends PINGREQ
  --retained           publish all messages with the retain flag
  --burst N            messages that a device sends in one frame, 1 to 100; default 1, the most expensive case
  --invocation-ms T    duration of an invocation, 1 to 20000; default 30, an assumption
  --json               print the result as JSON
`;

const flags = {
  devices: { type: 'string', default: '100' },
  'messages-per-day': { type: 'string', default: '24' },
  payload: { type: 'string', default: '100' },
  qos: { type: 'string', default: '1' },
  fanout: { type: 'string', default: '1' },
  keepalive: { type: 'string', default: '540' },
  retained: { type: 'boolean', default: false },
  burst: { type: 'string', default: '1' },
  'invocation-ms': { type: 'string', default: '30' },
  json: { type: 'boolean', default: false },
} as const satisfies Flags;

type Values = ParsedValues<typeof flags>;

/** `cirrus-mqtt cost`: compares the monthly cost of a fleet on three platforms. */
export const costCommand: Command = {
  help,
  flags,
  async run(args, { stdout }) {
    const { values } = parseOptions(args, flags);
    const comparison = compareCosts(parseFleet(values));
    stdout.write(values.json ? `${JSON.stringify(comparison, undefined, 2)}\n` : describeComparison(comparison));
    return 0;
  },
};

function parseFleet(values: Values): Fleet {
  const devices = wholeNumber('--devices', values.devices, { min: 1, max: maxDevices });
  const fleet: Fleet = {
    devices,
    messagesPerDay: wholeNumber('--messages-per-day', values['messages-per-day'], { min: 0, max: maxMessagesPerDay }),
    burst: wholeNumber('--burst', values.burst, { min: 1, max: maxBurst }),
    payload: wholeNumber('--payload', values.payload, { min: 0, max: maxPayload }),
    qos: wholeNumber('--qos', values.qos, { min: 0, max: 2 }) as QoS,
    fanout: wholeNumber('--fanout', values.fanout, { min: 0, max: maxSubscribers }),
    retained: values.retained,
    keepAlive: wholeNumber('--keepalive', values.keepalive, { min: 10, max: 540 }),
    invocationMilliseconds: wholeNumber('--invocation-ms', values['invocation-ms'], { min: 1, max: 20_000 }),
  };
  checkCombination(fleet);
  return fleet;
}

function checkCombination({ devices, fanout, burst, payload, retained }: Fleet): void {
  if (fanout > devices) {
    throw new UsageError(`--fanout takes at most the number of devices, ${devices}, not "${fanout}"`);
  }
  if (burst > 1 && retained) throw new UsageError('--burst and --retained exclude each other');
  const messagesPerFrame = Math.floor(maxBurstBytes / (payload + packetOverhead));
  if (burst > Math.max(1, messagesPerFrame)) {
    throw new UsageError(
      `--burst takes at most ${Math.max(1, messagesPerFrame)} messages of ${payload} bytes, which fit into one frame, not "${burst}"`,
    );
  }
}
