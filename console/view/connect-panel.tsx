import type { ConsoleModel } from '../model/console-model';
import type { ConnectRequest, Login, Qos } from '../model/requests';
import { AreaField, Checkbox, qosOptions, Select, TextField, useFields } from './fields';
import { Panel } from './panel';
import { useObserved } from './use-observed';

const logins = [
  ['none', 'none'],
  ['user', 'user name and password'],
  ['token', 'token'],
] as const;

const versions = [
  [5, '5.0'],
  [4, '3.1.1'],
] as const;

function initialValues(address: string) {
  return {
    address,
    clientId: `console-${Math.random().toString(36).slice(2, 8)}`,
    version: 5 as 4 | 5,
    login: 'none' as Login['kind'],
    username: '',
    password: '',
    token: '',
    keepAlive: '540',
    clean: true,
    sessionExpiry: '3600',
    willTopic: '',
    willPayload: '',
    willQos: 0 as Qos,
    willRetain: false,
    willDelay: '0',
  };
}

type Values = ReturnType<typeof initialValues>;
type Form = ReturnType<typeof useFields<Values>>;

/** Form for the connection: address, client id, login and will. */
export function ConnectPanel({ model }: { readonly model: ConsoleModel }) {
  const { session } = model;
  const form = useFields(initialValues(model.address));
  useObserved(session);
  const isOffline = session.status === 'offline';
  return (
    <Panel
      title="Connection"
      summary={isOffline ? '' : session.request!.clientId}
      isOpen={isOffline}
      key={String(isOffline)}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          model.connect(requestOf(form.values));
        }}
      >
        <fieldset class="plain" disabled={!isOffline}>
          <TextField label="Address" type="url" required pattern="wss?://.+" {...form.field('address')} />
          <div class="pair">
            <TextField label="Client id" required maxLength={256} {...form.field('clientId')} />
            <Select
              label="MQTT"
              value={form.values.version}
              options={versions}
              onValue={(version) => form.set({ version })}
            />
          </div>
          <Select label="Login" value={form.values.login} options={logins} onValue={(login) => form.set({ login })} />
          <LoginFields form={form} />
          <SessionFields form={form} />
          <WillFields form={form} />
        </fieldset>
        {session.error !== '' && (
          <p class="outcome bad" role="alert">
            {session.error}
          </p>
        )}
        {isOffline ? (
          <button type="submit" class="primary wide">
            Connect
          </button>
        ) : (
          <button type="button" class="wide" onClick={() => session.disconnect()}>
            Disconnect
          </button>
        )}
      </form>
    </Panel>
  );
}

function LoginFields({ form: { values, field } }: { readonly form: Form }) {
  if (values.login === 'user') {
    return (
      <div class="pair">
        <TextField label="User name" required {...field('username')} />
        <TextField label="Password" type="password" {...field('password')} />
      </div>
    );
  }
  if (values.login === 'token') return <TextField label="Token" type="password" required {...field('token')} />;
  return null;
}

function SessionFields({ form: { values, field, checkbox } }: { readonly form: Form }) {
  return (
    <>
      <div class="pair">
        <TextField label="Keep-alive" hint="s" type="number" min={0} max={65535} required {...field('keepAlive')} />
        {values.version === 5 && !values.clean && (
          <TextField
            label="Session expiry"
            hint="s"
            type="number"
            min={0}
            max={4294967295}
            required
            {...field('sessionExpiry')}
          />
        )}
      </div>
      <Checkbox label={values.version === 5 ? 'Clean start' : 'Clean session'} {...checkbox('clean')} />
    </>
  );
}

function WillFields({ form: { values, set, field, checkbox } }: { readonly form: Form }) {
  return (
    <details class="more">
      <summary>Will</summary>
      <TextField label="Will topic" hint="none if empty" {...field('willTopic')} />
      <AreaField label="Will payload" rows={2} {...field('willPayload')} />
      <div class="pair">
        <Select label="Will QoS" value={values.willQos} options={qosOptions} onValue={(willQos) => set({ willQos })} />
        {values.version === 5 && (
          <TextField label="Will delay" hint="s" type="number" min={0} max={4294967295} {...field('willDelay')} />
        )}
      </div>
      <Checkbox label="Retain the will" {...checkbox('willRetain')} />
    </details>
  );
}

function requestOf(values: Values): ConnectRequest {
  const { address, clientId, version, clean, willTopic } = values;
  return {
    address,
    clientId,
    version,
    clean,
    login: loginOf(values),
    keepAlive: Number(values.keepAlive),
    sessionExpiry: Number(values.sessionExpiry),
    ...(willTopic !== '' && {
      will: {
        topic: willTopic,
        payload: values.willPayload,
        qos: values.willQos,
        retain: values.willRetain,
        delay: Number(values.willDelay),
      },
    }),
  };
}

function loginOf({ login, username, password, token }: Values): Login {
  if (login === 'user') return { kind: 'user', username, password };
  return login === 'token' ? { kind: 'token', token } : { kind: 'none' };
}
