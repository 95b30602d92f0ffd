import type { ConsoleModel } from '../model/console-model';
import type { Qos, SubscribeRequest } from '../model/requests';
import type { Subscription } from '../model/session';
import { Checkbox, Outcome, qosOptions, Select, TextField, useAction, useFields } from './fields';
import { Panel } from './panel';
import { useObserved } from './use-observed';

const retainHandlings = [
  [0, 'send retained messages'],
  [1, 'only if the subscription is new'],
  [2, 'send none'],
] as const;

/** Form to subscribe, and the list of subscriptions. */
export function SubscribePanel({ model }: { readonly model: ConsoleModel }) {
  const { session } = model;
  const form = useFields<SubscribeRequest>({
    filter: '#',
    qos: 1 as Qos,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
  });
  const { outcome, busy, run } = useAction();
  useObserved(session);
  const isOnline = session.status === 'online';
  return (
    <Panel title="Subscriptions" summary={`${session.subscriptions.length || ''}`} isOpen={true}>
      <form
        aria-label="Subscribe"
        onSubmit={(event) => {
          event.preventDefault();
          run(async () => {
            await model.subscribe(form.values);
            return '';
          });
        }}
      >
        <div class="filter-line">
          <TextField label="Topic filter" required {...form.field('filter')} />
          <Select label="QoS" value={form.values.qos} options={qosOptions} onValue={(qos) => form.set({ qos })} />
          <button type="submit" class="primary" disabled={!isOnline || busy}>
            Subscribe
          </button>
        </div>
        {session.isVersion5 && (
          <details class="more">
            <summary>Options of MQTT 5.0</summary>
            <Checkbox label="No local: exclude messages of this page" {...form.checkbox('noLocal')} />
            <Checkbox label="Retain as published" {...form.checkbox('retainAsPublished')} />
            <Select
              label="Retain handling"
              value={form.values.retainHandling}
              options={retainHandlings}
              onValue={(retainHandling) => form.set({ retainHandling })}
            />
          </details>
        )}
        <Outcome outcome={outcome} />
      </form>
      <ul class="subscriptions" aria-label="Subscriptions">
        {session.subscriptions.map((each) => (
          <SubscriptionRow key={each.filter} subscription={each} model={model} run={run} />
        ))}
      </ul>
    </Panel>
  );
}

interface SubscriptionRowProps {
  readonly subscription: Subscription;
  readonly model: ConsoleModel;
  readonly run: ReturnType<typeof useAction>['run'];
}

function SubscriptionRow({ subscription: { filter, qos, colour, messageCount }, model, run }: SubscriptionRowProps) {
  return (
    <li>
      <button
        type="button"
        class={`swatch colour-${colour}`}
        aria-label={`Another colour for ${filter}`}
        title="Another colour"
        onClick={() => model.session.recolour(filter)}
      />
      <span class={`topic cut colour-${colour}`}>{filter}</span>
      <span class="badge">QoS {qos}</span>
      <span class="muted number">{messageCount}</span>
      <button
        type="button"
        class="small"
        aria-label={`Unsubscribe from ${filter}`}
        title="Unsubscribe"
        onClick={() =>
          run(async () => {
            await model.unsubscribe(filter);
            return '';
          })
        }
      >
        ✕
      </button>
    </li>
  );
}
