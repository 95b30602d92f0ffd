import type { QoS } from '../../lambdas/protocol/packets';
import { type Command, type Flags, UsageError } from '../command';
import { type ParsedValues, parseOptions, wholeNumber } from '../parse-options';
import { largestBurst, largestPayload, mostAtOnce, mostDevices, mostMessagesPerDay } from '../pricing/break-even';
import { comparisonOf } from '../pricing/comparison';
import { describeComparison } from '../pricing/describe-comparison';
import { type Fleet, packetOverhead } from '../pricing/fleet';

/** Larger audiences go through the fan-out queue, which this does not count. */
const mostSubscribers = 100;

const help = `usage: cirrus-mqtt cost [--devices N] [--messages-per-day M] [options]

What a fleet costs in a month of 30 days: here, at AWS IoT Core, and on one small instance with Mosquitto. Prices are
those of us-east-1; nothing is asked of AWS, and no account is needed.

  --devices N          connected all the time, from 1 to 1000000; 100
  --messages-per-day M published by each device, from 0 to 86400; 24
  --payload B          bytes of a message, from 0 to 97000; 100
  --qos Q              of messages and subscriptions, 0, 1 or 2; 1
  --fanout F           devices that get each message, all online, from 0 to 100; 1
  --keepalive S        seconds, from 10 to 540; 540. A device that published nothing for so long says PINGREQ
  --retained           each message is kept as the retained message of its topic
  --burst N            messages that a device writes at once, in one frame, from 1 to 100; 1, which is the dear case
  --invocation-ms T    what Lambda takes for an invocation, from 1 to 20000; 30, an assumption
  --json               all of it as JSON
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

/** `cirrus-mqtt cost`: what a fleet costs, here and elsewhere. */
export const costCommand: Command = {
  help,
  flags,
  async run(args, { stdout }) {
    const { values } = parseOptions(args, flags);
    const comparison = comparisonOf(fleetOf(values));
    stdout.write(values.json ? `${JSON.stringify(comparison, undefined, 2)}\n` : describeComparison(comparison));
    return 0;
  },
};

function fleetOf(values: Values): Fleet {
  const devices = wholeNumber('--devices', values.devices, 1, mostDevices);
  const fleet: Fleet = {
    devices,
    messagesPerDay: wholeNumber('--messages-per-day', values['messages-per-day'], 0, mostMessagesPerDay),
    burst: wholeNumber('--burst', values.burst, 1, mostAtOnce),
    payload: wholeNumber('--payload', values.payload, 0, largestPayload),
    qos: wholeNumber('--qos', values.qos, 0, 2) as QoS,
    fanout: wholeNumber('--fanout', values.fanout, 0, mostSubscribers),
    retained: values.retained,
    keepAlive: wholeNumber('--keepalive', values.keepalive, 10, 540),
    invocationMilliseconds: wholeNumber('--invocation-ms', values['invocation-ms'], 1, 20_000),
  };
  checkTogether(fleet);
  return fleet;
}

function checkTogether({ devices, fanout, burst, payload, retained }: Fleet): void {
  if (fanout > devices) {
    throw new UsageError(`--fanout takes at most the number of devices, ${devices}, not "${fanout}"`);
  }
  if (burst > 1 && retained) throw new UsageError('--burst and --retained exclude each other');
  const most = Math.floor(largestBurst / (payload + packetOverhead));
  if (burst > Math.max(1, most)) {
    throw new UsageError(
      `--burst takes what fits into one frame, at most ${Math.max(1, most)} of ${payload} bytes, not "${burst}"`,
    );
  }
}
