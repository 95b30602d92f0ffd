import {
  type ApiClient,
  type ApiClientDetails,
  type ApiCredentials,
  BrokerApi,
  BrokerApiError,
} from '../../clients/api';
import type { ConsoleConfig } from '../config';
import { Observable } from './observable';

/** The local cloud takes these and no others. */
const localKeys: ApiCredentials = { accessKeyId: 'local', secretAccessKey: 'local' };

const mostListed = 5_000;

/** What the page does by the API for backends: who is there, and what is retained. Credentials stay in its memory. */
export class ApiSession extends Observable {
  clients: readonly ApiClient[] = [];
  selected: ApiClientDetails | undefined;
  trouble = '';
  private api: BrokerApi | undefined;

  constructor(
    private readonly config: ConsoleConfig['api'],
    private readonly origin: string,
    isLocal: boolean,
  ) {
    super();
    if (isLocal) this.signIn(localKeys);
  }

  /** Whether the broker has the API at all. */
  get exists(): boolean {
    return this.config !== undefined;
  }

  get isSignedIn(): boolean {
    return this.api !== undefined;
  }

  signIn(credentials: ApiCredentials): void {
    if (!this.config) return;
    const via = `${this.origin}/api`;
    this.api = new BrokerApi({ url: this.config.url ?? via, via, region: this.config.region, credentials });
    this.trouble = '';
    this.changed();
  }

  signOut(): void {
    this.api = undefined;
    this.clients = [];
    this.selected = undefined;
    this.changed();
  }

  listClients(): Promise<void> {
    return this.attempt(async (api) => {
      const clients: ApiClient[] = [];
      for await (const client of api.clients({ limit: 500 })) {
        clients.push(client);
        if (clients.length >= mostListed) break;
      }
      this.clients = clients.sort(byPresenceAndName);
    });
  }

  select(clientId: string): Promise<void> {
    return this.attempt(async (api) => {
      this.selected = await api.client(clientId);
    });
  }

  deselect(): void {
    this.selected = undefined;
    this.changed();
  }

  disconnect(clientId: string, will: 'publish' | 'discard', session: 'keep' | 'remove'): Promise<void> {
    return this.attempt(async (api) => {
      await api.disconnect(clientId, { will, session });
      this.selected = undefined;
    });
  }

  /** Every retained message, without payloads; the first 5,000. */
  async retained(): Promise<{ topic: string; qos: 0 | 1 | 2; bytes: number }[]> {
    const found: { topic: string; qos: 0 | 1 | 2; bytes: number }[] = [];
    await this.attempt(async (api) => {
      for await (const { topic, qos, payloadBytes: bytes } of api.retained({ limit: 500 })) {
        found.push({ topic, qos, bytes });
        if (found.length >= mostListed) break;
      }
    });
    return found;
  }

  /** The payload of a retained message, if it is still there. */
  async retainedPayload(topic: string): Promise<Uint8Array | undefined> {
    let payload: Uint8Array | undefined;
    await this.attempt(async (api) => {
      const { payload: base64 } = await api.retainedMessage(topic);
      payload = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    });
    return payload;
  }

  clearRetained(topic: string): Promise<void> {
    return this.attempt((api) => api.deleteRetained(topic));
  }

  private async attempt(act: (api: BrokerApi) => Promise<void>): Promise<void> {
    if (!this.api) return;
    this.trouble = '';
    try {
      await act(this.api);
    } catch (error) {
      this.trouble = explain(error);
    }
    this.changed();
  }
}

function explain(error: unknown): string {
  if (error instanceof BrokerApiError && error.status === 403) {
    return `IAM does not allow it: the credentials are wrong, have expired, or lack execute-api:Invoke (${error.message})`;
  }
  return error instanceof Error ? error.message : String(error);
}

function byPresenceAndName(one: ApiClient, other: ApiClient): number {
  if (one.connected !== other.connected) return one.connected ? -1 : 1;
  return one.clientId < other.clientId ? -1 : 1;
}
