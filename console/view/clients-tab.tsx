import { useContext, useEffect, useState } from 'preact/hooks';
import type { ApiClient, ApiClientDetails, ApiSubscription } from '../../clients/api';
import type { ApiSession } from '../model/api-session';
import type { Workbench } from '../model/console-model';
import { cutText } from '../model/payload';
import { Outcome, TextField, Tick, useAttempt, useFields } from './fields';
import { agoOf } from './time-of';
import { Shown, useInterval, useObserved } from './use-observed';
import { VirtualRows } from './virtual-rows';

const refreshMilliseconds = 5_000;

/** Who is there, or has a session, by the API for backends. */
export function ClientsTab({ bench: { office } }: { readonly bench: Workbench }) {
  useObserved(office);
  if (!office.exists) return <p class="empty">This broker is deployed without the API for backends (option api).</p>;
  return office.isSignedIn ? <Clients office={office} /> : <Credentials office={office} />;
}

function Credentials({ office }: { readonly office: ApiSession }) {
  const { values, field } = useFields({ accessKeyId: '', secretAccessKey: '', sessionToken: '' });
  return (
    <form
      class="credentials"
      onSubmit={(event) => {
        event.preventDefault();
        const { accessKeyId, secretAccessKey, sessionToken } = values;
        office.signIn({
          accessKeyId: accessKeyId.trim(),
          secretAccessKey: secretAccessKey.trim(),
          ...(sessionToken !== '' && { sessionToken: sessionToken.trim() }),
        });
      }}
    >
      <h3>AWS credentials</h3>
      <p class="muted">
        Clients and retained messages come from the API for backends, which IAM guards. Take temporary credentials that
        may call it. They stay in the memory of this page until it is closed.
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

function Clients({ office }: { readonly office: ApiSession }) {
  const [wanted, setWanted] = useState('');
  const [isWatched, setWatched] = useState(false);
  const isShown = useContext(Shown);
  useEffect(() => {
    if (isShown) office.listClients();
  }, [office, isShown]);
  const text = wanted.trim().toLowerCase();
  const rows = office.clients.filter((client) => nameOf(client).toLowerCase().includes(text));
  const online = office.clients.filter(({ connected }) => connected).length;
  return (
    <div class="split">
      <div class="toolbar">
        <input
          type="search"
          placeholder="Filter by client or user"
          aria-label="Filter clients"
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
        <button type="button" onClick={() => office.listClients()}>
          Refresh
        </button>
        <Tick label="every 5 s" checked={isWatched} onValue={setWatched} />
        {isWatched && <Watch office={office} />}
        <span class="muted number" role="status" aria-label="Clients">
          {online} online, {office.clients.length - online} away
        </span>
      </div>
      {office.trouble !== '' && (
        <p class="outcome bad" role="alert">
          {office.trouble}{' '}
          <button type="button" class="small" onClick={() => office.signOut()}>
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
        selected={office.selected?.clientId}
        onSelect={({ clientId }) => office.select(clientId)}
        onEscape={() => office.deselect()}
        empty="Nobody is connected or has a session."
      >
        {(client) => <Line client={client} />}
      </VirtualRows>
      {office.selected && <ClientDetails key={office.selected.clientId} office={office} client={office.selected} />}
    </div>
  );
}

/** Each listing is billed, so it is only repeated while somebody wants that. */
function Watch({ office }: { readonly office: ApiSession }) {
  useInterval(() => office.listClients(), refreshMilliseconds);
  return null;
}

/** Characters of a client id and of a user name that are shown. */
const longestName = 300;

function nameOf({ clientId, identity }: ApiClient): string {
  return `${clientId} ${identity.username ?? ''}`;
}

const versions = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const;

function Line({ client }: { readonly client: ApiClient }) {
  const { clientId, connected, since, version, identity, over } = client;
  const state = connected ? 'online' : 'away';
  return (
    <>
      <span class={`dot ${state}`} role="img" aria-label={state} />
      <span class="topic cut">{cutText(clientId, longestName)}</span>
      {over && <span class="badge">over</span>}
      <span class="muted cut">{cutText(identity.username ?? identity.kind, longestName)}</span>
      <span class="badge">{versions[version]}</span>
      <span class="muted number">{since && agoOf(since)}</span>
    </>
  );
}

interface ClientDetailsProps {
  readonly office: ApiSession;
  readonly client: ApiClientDetails;
}

function ClientDetails({ office, client }: ClientDetailsProps) {
  const { clientId, connected } = client;
  const [removes, setRemoves] = useState(false);
  const { outcome, busy, attempt } = useAttempt();
  const disconnect = (will: 'publish' | 'discard') =>
    attempt(async () => {
      await office.disconnect(clientId, will, removes ? 'remove' : 'keep');
      await office.listClients();
      return '';
    });
  return (
    <section class="details" aria-label="Client">
      <header>
        <h3 class="topic">{cutText(clientId, longestName)}</h3>
        <button type="button" class="small" aria-label="Close the client" onClick={() => office.deselect()}>
          ✕
        </button>
      </header>
      <div class="line">
        <button
          type="button"
          class="danger"
          disabled={busy || !(connected || removes)}
          onClick={() => disconnect('publish')}
        >
          {connected ? 'Disconnect' : 'Remove session'}
        </button>
        {connected && (
          <button type="button" class="danger" disabled={busy} onClick={() => disconnect('discard')}>
            Disconnect without will
          </button>
        )}
        <Tick label="remove its session" checked={removes} onValue={setRemoves} />
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
    ['State', `${connected ? 'online' : 'away'}${since ? ` for ${agoOf(since)}` : ''}`],
    ['User', identity.issuer ? `${user}, ${identity.issuer}` : user],
    ['MQTT', versions[version]],
    ['Queue', `${queued.toLocaleString('en')} messages unacknowledged`],
    ['Keep-alive', keepAlive === undefined ? undefined : keepAlive === 0 ? 'off' : `${keepAlive} s`],
    ['Session', client.over ? 'over, about to be removed' : persistent ? 'persistent' : 'ends with the connection'],
    ['Session ends', sessionEndsAt && new Date(sessionEndsAt).toLocaleString()],
    ['Address', source?.address],
    ['Last active', source?.lastActiveAt && `${agoOf(source.lastActiveAt)} ago`],
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
              {cutText(share === undefined ? filter : `$share/${share}/${filter}`, longestName)}
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
