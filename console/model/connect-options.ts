import type { IClientOptions } from 'mqtt';
import { createWebsocket } from '../../clients/mqttjs';
import type { ConnectRequest, Will } from './requests';
import { checkText, checkTopic } from './topics';

const reconnectMs = 1_000;

/** Converts a request to options of MQTT.js. @throws Error if the will, the client id or the user name is invalid. */
export function connectOptions(request: ConnectRequest): IClientOptions {
  const { login, version, will } = request;
  checkText(request.clientId, 'the client id');
  if (login.kind === 'user') checkText(login.username, 'the user name');
  return {
    protocolVersion: version,
    clientId: request.clientId,
    keepalive: request.keepAlive,
    clean: request.clean,
    reconnectPeriod: reconnectMs,
    // The default timers of MQTT.js run in a worker from a blob URL, which the Content-Security-Policy forbids.
    timerVariant: 'native',
    ...(login.kind === 'user' && { username: login.username, password: login.password }),
    ...(version === 5 && !request.clean && { properties: { sessionExpiryInterval: request.sessionExpiry } }),
    ...(will && { will: willOptions(will, version) }),
    createWebsocket: (url, protocols, options) =>
      createWebsocket(url, login.kind === 'token' ? [...protocols, `bearer.${login.token}`] : protocols, options),
  };
}

function willOptions({ topic, payload, qos, retain, delay }: Will, version: 4 | 5): IClientOptions['will'] {
  checkTopic(topic, 'topic of the will');
  // MQTT.js accepts text as well, but its types require a Buffer.
  const bytes = payload as unknown as Buffer;
  return { topic, payload: bytes, qos, retain, ...(version === 5 && { properties: { willDelayInterval: delay } }) };
}
