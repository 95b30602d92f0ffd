import type { Workbench } from '../model/console-model';
import { type Draft, propertiesOf } from '../model/draft';
import { bytesOf } from '../model/payload';
import {
  AreaField,
  Choice,
  Outcome,
  qosOptions,
  Segments,
  TextField,
  Tick,
  useAttempt,
  type useFields,
} from './fields';
import { Panel } from './panel';
import { useObserved } from './use-observed';

export type DraftForm = ReturnType<typeof useFields<Draft>>;

interface PublishPanelProps {
  readonly bench: Workbench;
  readonly form: DraftForm;
}

const forms = [
  ['text', 'Text'],
  ['json', 'JSON'],
  ['hex', 'Hex'],
] as const;

/** What to say. */
export function PublishPanel({ bench, form }: PublishPanelProps) {
  const { session } = bench;
  const { values, set, field, tick } = form;
  const { outcome, busy, attempt } = useAttempt();
  useObserved(session);
  const publish = () => attempt(() => publishDraft(bench, values));
  return (
    <Panel title="Publish" isOpen={true}>
      <form
        aria-label="Publish"
        onSubmit={(event) => {
          event.preventDefault();
          publish();
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
        }}
      >
        <div class="topic-line">
          <TextField label="Topic" required {...field('topic')} />
          <Choice label="QoS" value={values.qos} options={qosOptions} onValue={(qos) => set({ qos })} />
        </div>
        <AreaField label="Payload" hint="Ctrl Enter publishes" rows={3} class="code-field" {...field('payload')} />
        <div class="line">
          <Segments label="Payload is" value={values.form} options={forms} onValue={(each) => set({ form: each })} />
          <Tick label="Retain" {...tick('retain')} />
          <span class="grow" />
          <button type="submit" class="primary" disabled={session.status !== 'online' || busy}>
            Publish
          </button>
        </div>
        {session.isVersion5 && <Properties form={form} />}
        <Outcome outcome={outcome} />
      </form>
    </Panel>
  );
}

function Properties({ form: { field, tick } }: { readonly form: DraftForm }) {
  return (
    <details class="more">
      <summary>Properties of MQTT 5.0</summary>
      <div class="pair">
        <TextField label="Content type" {...field('contentType')} />
        <TextField label="Expiry" hint="s" type="number" min={0} max={4294967295} {...field('expiry')} />
      </div>
      <TextField label="Response topic" {...field('responseTopic')} />
      <TextField label="Correlation data" hint="text, or 0x and hex" {...field('correlationData')} />
      <AreaField label="User properties" hint="name: value" rows={2} {...field('userProperties')} />
      <Tick label="Payload is UTF-8 (format indicator)" {...tick('isUtf8')} />
    </details>
  );
}

async function publishDraft(bench: Workbench, draft: Draft): Promise<string> {
  const { topic, qos, retain } = draft;
  const payload = bytesOf(draft.payload, draft.form);
  const began = performance.now();
  await bench.publish({ topic, payload, qos, retain, properties: propertiesOf(draft) });
  const took = Math.round(performance.now() - began);
  return qos === 0 ? `sent ${payload.length} bytes` : `acknowledged at QoS ${qos} after ${took} ms`;
}
