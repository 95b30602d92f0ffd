import { bytesOf, describeEnd, ProbeSocket } from './probe-socket';
import { milliseconds, type Step } from './step';
import type { Examination } from './step-context';
import { Finding } from './step-errors';

/** Whether the WebSocket is one of text frames within the limits of API Gateway: docs/wire-format.md. */
export const frameSteps: readonly Step[] = [
  { name: 'subprotocol', title: 'mqtt and mqttv3.1 are given back', needs: ['tcp', 'tls'], examine: offerSubprotocols },
  { name: 'login', title: 'CONNECT is accepted', needs: ['subprotocol'], examine: login },
  { name: 'binary', title: 'a binary frame is refused with 1003', needs: ['subprotocol'], examine: sendBinary },
  { name: 'frame-over', title: 'a frame above 32 KB is refused with 1009', needs: ['login'], examine: sendLongFrame },
];

const frameLimit = 32 * 1024;

async function offerSubprotocols({ address }: Examination): Promise<string> {
  const start = performance.now();
  for (const offered of ['mqtt', 'mqttv3.1']) {
    const socket = await ProbeSocket.open(address, [offered]);
    socket.cut();
    if (socket.subprotocol !== offered) {
      throw new Finding(`${offered} was offered, and ${socket.subprotocol || 'nothing'} given back`);
    }
  }
  return `two handshakes in ${milliseconds(performance.now() - start)}`;
}

async function login(examination: Examination): Promise<string> {
  const start = performance.now();
  const { connack } = await examination.client();
  const { serverKeepAlive, receiveMaximum } = connack.properties ?? {};
  const limits = [
    ...(serverKeepAlive === undefined ? [] : [`keep-alive at most ${serverKeepAlive} s`]),
    ...(receiveMaximum === undefined ? [] : [`${receiveMaximum} messages in flight`]),
  ];
  return [`CONNACK after ${milliseconds(performance.now() - start)}`, ...limits].join(', ');
}

async function sendBinary({ address }: Examination): Promise<string> {
  const socket = await ProbeSocket.open({ ...address, breach: () => {} });
  socket.sendBinary(bytesOf({ cmd: 'pingreq' }));
  const end = await socket.untilEnd();
  socket.cut();
  if (!end) throw new Finding('a binary frame was taken: this is no API Gateway, and stock clients may connect to it');
  if (end.code !== 1003) throw new Finding(`the connection ${describeEnd(end)} instead of 1003`);
  return 'closed with 1003';
}

async function sendLongFrame(examination: Examination): Promise<string> {
  const { socket } = await examination.connect('frame');
  socket.sendText(`1.${'A'.repeat(frameLimit)}`);
  const end = await socket.untilEnd();
  socket.cut();
  if (!end) throw new Finding(`a frame of ${frameLimit + 2} characters was taken`);
  if (end.code !== 1009) throw new Finding(`the connection ${describeEnd(end)} instead of 1009`);
  return 'closed with 1009';
}
