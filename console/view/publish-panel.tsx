import type { ConsoleModel } from '../model/console-model';
import { type Draft, parseProperties } from '../model/draft';
import { parsePayload } from '../model/payload';
import {
  AreaField,
  Checkbox,
  Outcome,
  qosOptions,
  RadioGroup,
  Select,
  TextField,
  useAction,
  type useFields,
} from './fields';
import { Panel } from './panel';
import { useObserved } from './use-observed';

export type DraftForm = ReturnType<typeof useFields<Draft>>;

interface PublishPanelProps {
  readonly model: ConsoleModel;
  readonly form: DraftForm;
}

const forms = [
  ['text', 'Text'],
  ['json', 'JSON'],
  ['hex', 'Hex'],
] as const;

/** Form to publish a message. */
export function PublishPanel({ model, form }: PublishPanelProps) {
  const { session } = model;
  const { values, set, field, checkbox } = form;
  const { outcome, busy, run } = useAction();
  useObserved(session);
  const publish = () => run(() => publishDraft(model, values));
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
          <Select label="QoS" value={values.qos} options={qosOptions} onValue={(qos) => set({ qos })} />
        </div>
        <AreaField label="Payload" hint="Ctrl Enter publishes" rows={3} class="code-field" {...field('payload')} />
        <div class="line">
          <RadioGroup
            label="Payload is"
            value={values.format}
            options={forms}
            onValue={(each) => set({ format: each })}
          />
          <Checkbox label="Retain" {...checkbox('retain')} />
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

function Properties({ form: { field, checkbox } }: { readonly form: DraftForm }) {
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
      <Checkbox label="Payload is UTF-8 (format indicator)" {...checkbox('isUtf8')} />
    </details>
  );
}

async function publishDraft(model: ConsoleModel, draft: Draft): Promise<string> {
  const { topic, qos, retain } = draft;
  const payload = parsePayload(draft.payload, draft.format);
  const start = performance.now();
  await model.publish({ topic, payload, qos, retain, properties: parseProperties(draft) });
  const duration = Math.round(performance.now() - start);
  return qos === 0 ? `sent ${payload.length} bytes` : `acknowledged at QoS ${qos} after ${duration} ms`;
}
