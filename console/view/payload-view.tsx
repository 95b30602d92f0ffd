import { useState } from 'preact/hooks';
import { hexDump, type PayloadForm, prettyJson, textOf } from '../model/payload';
import { Segments } from './fields';

/** A payload as text, as JSON or in hex; at first as what it seems to be. */
export function PayloadView({ payload }: { readonly payload: Uint8Array }) {
  const [chosen, setChosen] = useState<PayloadForm>();
  const text = textOf(payload);
  const json = text === undefined ? undefined : prettyJson(text);
  const fitting = text === undefined ? 'hex' : json === undefined ? 'text' : 'json';
  const form = chosen ?? fitting;
  const shown = {
    text: text ?? '(not UTF-8: look at it in hex)',
    json: json ?? '(not JSON)',
    hex: hexDump(payload),
  };
  return (
    <div class="payload">
      <div class="line">
        <Segments label="Show payload as" value={form} options={forms} onValue={setChosen} />
        <span class="muted">{payload.length.toLocaleString('en')} bytes</span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="payload-box" tabIndex={0} aria-label="Payload">
        <pre class="code">{payload.length === 0 ? '(empty)' : shown[form]}</pre>
      </section>
    </div>
  );
}

const forms = [
  ['text', 'Text'],
  ['json', 'JSON'],
  ['hex', 'Hex'],
] as const;
