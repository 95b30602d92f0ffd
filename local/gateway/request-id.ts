import { randomBytes } from 'node:crypto';

/** Returns an id in the format of API Gateway's connection and request ids: `JC1dgf9yoAMCK-g=`. */
export function gatewayId(): string {
  return randomBytes(11).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
