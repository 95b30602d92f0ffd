import { BrokerApi } from '../../clients/api';
import type { Cloud } from '../../local/cloud';

/** Credentials that the local cloud accepts. */
export const localCredentials = { accessKeyId: 'local', secretAccessKey: 'local' };

export function apiOf(cloud: Cloud, credentials = localCredentials): BrokerApi {
  return new BrokerApi({ url: cloud.apiUrl, region: 'us-east-1', credentials });
}
