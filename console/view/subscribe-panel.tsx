import type { Workbench } from '../model/console-model';
import type { Qos, SubscribeRequest } from '../model/requests';
import type { Subscription } from '../model/session';
import { Choice, Outcome, qosOptions, TextField, Tick, useAttempt, useFields } from './fields';
import { Panel } from './panel';
import { useObserved } from './use-observed';

const retainHandlings = [
  [0, 'send retained messages'],
  [1, 'only if the subscription is new'],
  [2, 'send none'],
] as const;

/** What to hear. */
export function SubscribePanel({ bench }: { readonly bench: Workbench }) {
  const { session } = bench;
  const form = useFields<SubscribeRequest>({
    filter: '#',
    qos: 1 as Qos,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
  });
  const { outcome, busy, attempt } = useAttempt();
  useObserved(session);
  const isOnline = session.status === 'online';
  return (
    <Panel title="Subscriptions" summary={`${session.subscriptions.length || ''}`} isOpen={true}>
      <form
        aria-label="Subscribe"
        onSubmit={(event) => {
          event.preventDefault();
          attempt(async () => {
            await bench.subscribe(form.values);
            return '';
          });
        }}
      >
        <div class="filter-line">
          <TextField label="Topic filter" required {...form.field('filter')} />
          <Choice label="QoS" value={form.values.qos} options={qosOptions} onValue={(qos) => form.set({ qos })} />
          <button type="submit" class="primary" disabled={!isOnline || busy}>
            Subscribe
          </button>
        </div>
        {session.isVersion5 && (
          <details class="more">
            <summary>Options of MQTT 5.0</summary>
            <Tick label="No local: not what this page publishes" {...form.tick('noLocal')} />
            <Tick label="Retain as published" {...form.tick('retainAsPublished')} />
            <Choice
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
          <Line key={each.filter} subscription={each} bench={bench} attempt={attempt} />
        ))}
      </ul>
    </Panel>
  );
}

interface LineProps {
  readonly subscription: Subscription;
  readonly bench: Workbench;
  readonly attempt: ReturnType<typeof useAttempt>['attempt'];
}

function Line({ subscription: { filter, qos, colour, heard }, bench, attempt }: LineProps) {
  return (
    <li>
      <button
        type="button"
        class={`swatch colour-${colour}`}
        aria-label={`Another colour for ${filter}`}
        title="Another colour"
        onClick={() => bench.session.recolour(filter)}
      />
      <span class={`topic cut colour-${colour}`}>{filter}</span>
      <span class="badge">QoS {qos}</span>
      <span class="muted number">{heard}</span>
      <button
        type="button"
        class="small"
        aria-label={`Unsubscribe from ${filter}`}
        title="Unsubscribe"
        onClick={() =>
          attempt(async () => {
            await bench.unsubscribe(filter);
            return '';
          })
        }
      >
        ✕
      </button>
    </li>
  );
}
