import { useContext, useEffect, useState } from 'preact/hooks';
import type { ApiClient, ApiClientDetails, ApiSubscription } from '../../clients/api';
import type { ApiSession } from '../model/api-session';
import type { ConsoleModel } from '../model/console-model';
import { cutText } from '../model/payload';
import { Checkbox, Outcome, TextField, useAction, useFields } from './fields';
import { formatAge } from './time-of';
import { IsVisible, useInterval, useObserved } from './use-observed';
import { VirtualRows } from './virtual-rows';

const refreshMilliseconds = 5_000;

/** Clients that are connected or have a session, from the API for backends. */
export function ClientsTab({ model: { api } }: { readonly model: ConsoleModel }) {
  useObserved(api);
  if (!api.exists) return <p class="empty">This broker is deployed without the API for backends (option api).</p>;
  return api.isSignedIn ? <Clients api={api} /> : <Credentials api={api} />;
}

function Credentials({ api }: { readonly api: ApiSession }) {
  const { values, field } = useFields({ accessKeyId: '', secretAccessKey: '', sessionToken: '' });
  return (
    <form
      class="credentials"
      onSubmit={(event) => {
        event.preventDefault();
        const { accessKeyId, secretAccessKey, sessionToken } = values;
        api.signIn({
          accessKeyId: accessKeyId.trim(),
          secretAccessKey: secretAccessKey.trim(),
          ...(sessionToken !== '' && { sessionToken: sessionToken.trim() }),
        });
      }}
    >
      <h3>AWS credentials</h3>
      <p class="muted">
        The API for backends provides clients and retained messages, and requires IAM credentials. Use temporary
        credentials that may call it. This page keeps them in its memory until it is closed.
      </p>
      <TextField label="Access key id" required {...field('accessKeyId')} />
      <TextField label="Secret access key" type="password" required {...field('secretAccessKey')} />
      <TextField label="Session token" type="password" {...field('sessionToken')} />
      <button type="submit" class="primary">
        Use them
      </button>
    </form>
  );
}

function Clients({ api }: { readonly api: ApiSession }) {
  const [searchText, setSearchText] = useState('');
  const [refreshes, setRefreshes] = useState(false);
  const isShown = useContext(IsVisible);
  useEffect(() => {
    if (isShown) api.listClients();
  }, [api, isShown]);
  const text = searchText.trim().toLowerCase();
  const rows = api.clients.filter((client) => nameOf(client).toLowerCase().includes(text));
  const online = api.clients.filter(({ connected }) => connected).length;
  return (
    <div class="split">
      <div class="toolbar">
        <input
          type="search"
          placeholder="Filter by client or user"
          aria-label="Filter clients"
          value={searchText}
          onInput={(event) => setSearchText(event.currentTarget.value)}
        />
        <button type="button" onClick={() => api.listClients()}>
          Refresh
        </button>
        <Checkbox label="every 5 s" checked={refreshes} onValue={setRefreshes} />
        {refreshes && <AutoRefresh api={api} />}
        <span class="muted number" role="status" aria-label="Clients">
          {online} online, {api.clients.length - online} away
        </span>
      </div>
      {api.error !== '' && (
        <p class="outcome bad" role="alert">
          {api.error}{' '}
          <button type="button" class="small" onClick={() => api.signOut()}>
            Other credentials
          </button>
        </p>
      )}
      <VirtualRows
        label="Clients"
        role="listbox"
        count={rows.length}
        rowAt={(index) => rows[index]!}
        keyOf={({ clientId }) => clientId}
        selected={api.selected?.clientId}
        onSelect={({ clientId }) => api.select(clientId)}
        onEscape={() => api.deselect()}
        empty="No client is connected or has a session."
      >
        {(client) => <ClientRow client={client} />}
      </VirtualRows>
      {api.selected && <ClientDetails key={api.selected.clientId} api={api} client={api.selected} />}
    </div>
  );
}

/** Refreshes the list while it is mounted. Optional, because each listing is billed. */
function AutoRefresh({ api }: { readonly api: ApiSession }) {
  useInterval(() => api.listClients(), refreshMilliseconds);
  return null;
}

/** Maximum displayed characters of a client id or a user name. */
const maxNameCharacters = 300;

function nameOf({ clientId, identity }: ApiClient): string {
  return `${clientId} ${identity.username ?? ''}`;
}

const versions = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const;

function ClientRow({ client }: { readonly client: ApiClient }) {
  const { clientId, connected, since, version, identity, over } = client;
  const state = connected ? 'online' : 'away';
  return (
    <>
      <span class={`dot ${state}`} role="img" aria-label={state} />
      <span class="topic cut">{cutText(clientId, maxNameCharacters)}</span>
      {over && <span class="badge">over</span>}
      <span class="muted cut">{cutText(identity.username ?? identity.kind, maxNameCharacters)}</span>
      <span class="badge">{versions[version]}</span>
      <span class="muted number">{since && formatAge(since)}</span>
    </>
  );
}

interface ClientDetailsProps {
  readonly api: ApiSession;
  readonly client: ApiClientDetails;
}

function ClientDetails({ api, client }: ClientDetailsProps) {
  const { clientId, connected } = client;
  const [removesSession, setRemovesSession] = useState(false);
  const { outcome, busy, run } = useAction();
  const disconnect = (will: 'publish' | 'discard') =>
    run(async () => {
      await api.disconnect(clientId, { will, session: removesSession ? 'remove' : 'keep' });
      await api.listClients();
      return '';
    });
  return (
    <section class="details" aria-label="Client">
      <header>
        <h3 class="topic">{cutText(clientId, maxNameCharacters)}</h3>
        <button type="button" class="small" aria-label="Close the client" onClick={() => api.deselect()}>
          ✕
        </button>
      </header>
      <div class="line">
        <button
          type="button"
          class="danger"
          disabled={busy || !(connected || removesSession)}
          onClick={() => disconnect('publish')}
        >
          {connected ? 'Disconnect' : 'Remove session'}
        </button>
        {connected && (
          <button type="button" class="danger" disabled={busy} onClick={() => disconnect('discard')}>
            Disconnect without will
          </button>
        )}
        <Checkbox label="remove its session" checked={removesSession} onValue={setRemovesSession} />
      </div>
      <Outcome outcome={outcome} />
      <Facts client={client} />
      <Subscriptions subscriptions={client.subscriptions} count={client.subscriptionCount} />
    </section>
  );
}

function Facts({ client }: { readonly client: ApiClientDetails }) {
  const { connected, since, version, identity, keepAlive, queued, source, persistent, sessionEndsAt } = client;
  const user = identity.username ?? identity.kind;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['State', `${connected ? 'online' : 'away'}${since ? ` for ${formatAge(since)}` : ''}`],
    ['User', identity.issuer ? `${user}, ${identity.issuer}` : user],
    ['MQTT', versions[version]],
    ['Queue', `${queued.toLocaleString('en')} messages unacknowledged`],
    ['Keep-alive', keepAlive === undefined ? undefined : keepAlive === 0 ? 'off' : `${keepAlive} s`],
    ['Session', client.over ? 'expired, about to be removed' : persistent ? 'persistent' : 'ends with the connection'],
    ['Session ends', sessionEndsAt && new Date(sessionEndsAt).toLocaleString()],
    ['Address', source?.address],
    ['Last active', source?.lastActiveAt && `${formatAge(source.lastActiveAt)} ago`],
  ];
  return (
    <table class="plain-table">
      <caption class="unseen">Facts</caption>
      <tbody>
        {rows
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

interface SubscriptionsProps {
  readonly subscriptions: readonly ApiSubscription[];
  readonly count: number;
}

function Subscriptions({ subscriptions, count }: SubscriptionsProps) {
  return (
    <>
      <h4>
        {count.toLocaleString('en')} {count === 1 ? 'subscription' : 'subscriptions'}
      </h4>
      <ul class="subscriptions">
        {subscriptions.map(({ filter, share, qos, noLocal, identifier }) => (
          <li key={`${share}/${filter}`}>
            <span class="topic cut">
              {cutText(share === undefined ? filter : `$share/${share}/${filter}`, maxNameCharacters)}
            </span>
            <span class="badge">QoS {qos}</span>
            {noLocal && <span class="badge">no local</span>}
            {identifier !== undefined && <span class="badge">id {identifier}</span>}
          </li>
        ))}
      </ul>
    </>
  );
}
