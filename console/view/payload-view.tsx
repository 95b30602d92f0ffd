import { useMemo, useState } from 'preact/hooks';
import { type Excerpt, firstShown, hexDump, type PayloadForm, prettyJson, textExcerpt, textOf } from '../model/payload';
import { Segments } from './fields';

/** How many times as much is shown when somebody asks for more. */
const more = 4;

/** A payload as text, as JSON or in hex; at first as what it seems to be, and not more of it than a browser lays out at once. */
export function PayloadView({ payload }: { readonly payload: Uint8Array }) {
  const [chosen, setChosen] = useState<PayloadForm>();
  const [most, setMost] = useState(firstShown);
  const fitting = useMemo(() => fittingForm(payload), [payload]);
  const form = chosen ?? fitting;
  const shown = useMemo(() => excerptOf(payload, form, most), [payload, form, most]);
  return (
    <div class="payload">
      <div class="line">
        <Segments label="Show payload as" value={form} options={forms} onValue={setChosen} />
        <span class="muted">{payload.length.toLocaleString('en')} bytes</span>
        {shown.isCut && (
          <button type="button" class="small" onClick={() => setMost(most * more)}>
            Show more
          </button>
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="payload-box" tabIndex={0} aria-label="Payload">
        <pre class="code">{payload.length === 0 ? '(empty)' : shown.text}</pre>
      </section>
    </div>
  );
}

const forms = [
  ['text', 'Text'],
  ['json', 'JSON'],
  ['hex', 'Hex'],
] as const;

function fittingForm(payload: Uint8Array): PayloadForm {
  const text = textOf(payload);
  if (text === undefined) return 'hex';
  return prettyJson(text, 0) ? 'json' : 'text';
}

function excerptOf(payload: Uint8Array, form: PayloadForm, most: number): Excerpt {
  if (form === 'hex') return hexDump(payload, most);
  const text = textOf(payload);
  if (form === 'text') return text === undefined ? whole('(not UTF-8: look at it in hex)') : textExcerpt(text, most);
  return (text === undefined ? undefined : prettyJson(text, most)) ?? whole('(not JSON)');
}

function whole(text: string): Excerpt {
  return { text, isCut: false };
}
