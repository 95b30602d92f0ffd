import { describeEnd, encodePacket, ProbeSocket } from './probe-socket';
import { formatDuration, type Step } from './step';
import type { StepContext } from './step-context';
import { StepFailed } from './step-errors';

/** Steps that check the WebSocket: text frames within the limits of API Gateway, see docs/wire-format.md. */
export const frameSteps: readonly Step[] = [
  {
    name: 'subprotocol',
    title: 'the handshake accepts mqtt and mqttv3.1',
    needs: ['tcp', 'tls'],
    check: offerSubprotocols,
  },
  { name: 'login', title: 'the broker accepts CONNECT', needs: ['subprotocol'], check: login },
  {
    name: 'binary',
    title: 'a binary frame closes the connection with 1003',
    needs: ['subprotocol'],
    check: sendBinary,
  },
  { name: 'frame-over', title: 'a frame above 32 KB closes it with 1009', needs: ['login'], check: sendLongFrame },
];

const frameLimit = 32 * 1024;

async function offerSubprotocols({ address }: StepContext): Promise<string> {
  const start = performance.now();
  for (const offered of ['mqtt', 'mqttv3.1']) {
    const socket = await ProbeSocket.open(address, [offered]);
    socket.terminate();
    if (socket.subprotocol !== offered) {
      throw new StepFailed(`the handshake with subprotocol ${offered} returned ${socket.subprotocol || 'none'}`);
    }
  }
  return `two handshakes in ${formatDuration(performance.now() - start)}`;
}

async function login(context: StepContext): Promise<string> {
  const start = performance.now();
  const { connack } = await context.client();
  const { serverKeepAlive, receiveMaximum } = connack.properties ?? {};
  const limits = [
    ...(serverKeepAlive === undefined ? [] : [`keep-alive at most ${serverKeepAlive} s`]),
    ...(receiveMaximum === undefined ? [] : [`${receiveMaximum} messages in flight`]),
  ];
  return [`CONNACK after ${formatDuration(performance.now() - start)}`, ...limits].join(', ');
}

async function sendBinary({ address }: StepContext): Promise<string> {
  const socket = await ProbeSocket.open({ ...address, reportViolation: () => {} });
  socket.sendBinary(encodePacket({ cmd: 'pingreq' }));
  const end = await socket.waitForEnd();
  socket.terminate();
  if (!end)
    throw new StepFailed(
      'the server accepted a binary frame: it is not API Gateway, and stock clients may connect to it directly',
    );
  if (end.code !== 1003) throw new StepFailed(`the connection ${describeEnd(end)} instead of 1003`);
  return 'closed with 1003';
}

async function sendLongFrame(context: StepContext): Promise<string> {
  const { socket } = await context.connect('frame');
  socket.sendText(`1.${'A'.repeat(frameLimit)}`);
  const end = await socket.waitForEnd();
  socket.terminate();
  if (!end) throw new StepFailed(`the server accepted a frame of ${frameLimit + 2} characters`);
  if (end.code !== 1009) throw new StepFailed(`the connection ${describeEnd(end)} instead of 1009`);
  return 'closed with 1009';
}
