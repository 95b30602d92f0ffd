import {
  type ApiClient,
  type ApiClientDetails,
  type ApiCredentials,
  BrokerApi,
  BrokerApiError,
} from '../../clients/api';
import type { ConsoleConfig } from '../config';
import { Observable } from './observable';

/** The local cloud accepts only these credentials. */
const localKeys: ApiCredentials = { accessKeyId: 'local', secretAccessKey: 'local' };

const maxListed = 5_000;

interface DisconnectOptions {
  readonly will: 'publish' | 'discard';
  readonly session: 'keep' | 'remove';
}

/** Client of the API for backends: clients and retained messages. Credentials stay in the memory of the page. */
export class ApiSession extends Observable {
  clients: readonly ApiClient[] = [];
  selected: ApiClientDetails | undefined;
  /** Text of the last error; empty if there is none. */
  error = '';
  private api: BrokerApi | undefined;

  constructor(
    private readonly config: Pick<ConsoleConfig, 'api' | 'local'>,
    private readonly origin: string,
  ) {
    super();
    if (config.local) this.signIn(localKeys);
  }

  /** True if the broker is deployed with the API. */
  get exists(): boolean {
    return this.config.api !== undefined;
  }

  get isSignedIn(): boolean {
    return this.api !== undefined;
  }

  signIn(credentials: ApiCredentials): void {
    const { api } = this.config;
    if (!api) return;
    const via = `${this.origin}/api`;
    this.api = new BrokerApi({ url: api.url ?? via, via, region: api.region, credentials });
    this.error = '';
    this.changed();
  }

  signOut(): void {
    this.api = undefined;
    this.clients = [];
    this.selected = undefined;
    this.changed();
  }

  /** Lists the first 5,000 clients. */
  listClients(): Promise<void> {
    return this.attempt(async (api) => {
      const clients: ApiClient[] = [];
      for await (const client of api.clients({ limit: 500 })) {
        clients.push(client);
        if (clients.length >= maxListed) break;
      }
      this.clients = clients.sort(byStateAndClientId);
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

  disconnect(clientId: string, { will, session }: DisconnectOptions): Promise<void> {
    return this.attempt(async (api) => {
      await api.disconnect(clientId, { will, session });
      this.selected = undefined;
    });
  }

  /** Lists the first 5,000 retained messages, without payloads. */
  async retained(): Promise<{ topic: string; qos: 0 | 1 | 2; bytes: number }[]> {
    const found: { topic: string; qos: 0 | 1 | 2; bytes: number }[] = [];
    await this.attempt(async (api) => {
      for await (const { topic, qos, payloadBytes: bytes } of api.retained({ limit: 500 })) {
        found.push({ topic, qos, bytes });
        if (found.length >= maxListed) break;
      }
    });
    return found;
  }

  /** Fetches the payload of a retained message, or `undefined` if it is gone. */
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
    this.error = '';
    try {
      await act(this.api);
    } catch (error) {
      this.error = readableError(error);
    }
    this.changed();
  }
}

function readableError(error: unknown): string {
  if (error instanceof BrokerApiError && error.status === 403) {
    return `IAM denies the request: the credentials are wrong, have expired, or lack execute-api:Invoke (${error.message})`;
  }
  return error instanceof Error ? error.message : String(error);
}

function byStateAndClientId(one: ApiClient, other: ApiClient): number {
  if (one.connected !== other.connected) return one.connected ? -1 : 1;
  return one.clientId < other.clientId ? -1 : 1;
}
