import { randomBytes } from 'node:crypto';

/** An id as API Gateway makes them for connections and requests: `JC1dgf9yoAMCK-g=`. */
export function gatewayId(): string {
  return randomBytes(11).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
