import type { IClientOptions } from 'mqtt';
import { createWebsocket } from '../../clients/mqttjs';
import type { ConnectRequest, Will } from './requests';
import { checkText, checkTopic } from './topics';

const reconnectMilliseconds = 1_000;

/** The wish as MQTT.js takes it. Throws an `Error` that says what is wrong with the will, the client id or the user name. */
export function connectOptions(wish: ConnectRequest): IClientOptions {
  const { login, version, will } = wish;
  checkText(wish.clientId, 'the client id');
  if (login.kind === 'user') checkText(login.username, 'the user name');
  return {
    protocolVersion: version,
    clientId: wish.clientId,
    keepalive: wish.keepAlive,
    clean: wish.clean,
    reconnectPeriod: reconnectMilliseconds,
    // The other timers of the library run in a worker made of a blob, which the Content-Security-Policy forbids.
    timerVariant: 'native',
    ...(login.kind === 'user' && { username: login.username, password: login.password }),
    ...(version === 5 && !wish.clean && { properties: { sessionExpiryInterval: wish.sessionExpiry } }),
    ...(will && { will: willOf(will, version) }),
    createWebsocket: (url, protocols, options) =>
      createWebsocket(url, login.kind === 'token' ? [...protocols, `bearer.${login.token}`] : protocols, options),
  };
}

function willOf({ topic, payload, qos, retain, delay }: Will, version: 4 | 5): IClientOptions['will'] {
  checkTopic(topic, 'topic of the will');
  // The library takes text as well, but its types name bytes of Node only.
  const bytes = payload as unknown as Buffer;
  return { topic, payload: bytes, qos, retain, ...(version === 5 && { properties: { willDelayInterval: delay } }) };
}
