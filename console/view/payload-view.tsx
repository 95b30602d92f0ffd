import { useMemo, useState } from 'preact/hooks';
import {
  decodeText,
  type Excerpt,
  hexDump,
  initialCharacters,
  type PayloadFormat,
  prettyJson,
  textExcerpt,
} from '../model/payload';
import { RadioGroup } from './fields';

/** Factor by which "Show more" increases the displayed characters. */
const growthFactor = 4;

/** Payload as text, JSON or hex dump. Detects the format, and first shows only a part of a large payload. */
export function PayloadView({ payload }: { readonly payload: Uint8Array }) {
  const [chosen, setChosen] = useState<PayloadFormat>();
  const [characters, setCharacters] = useState(initialCharacters);
  const fitting = useMemo(() => detectFormat(payload), [payload]);
  const format = chosen ?? fitting;
  const shown = useMemo(() => formatPayload(payload, format, characters), [payload, format, characters]);
  return (
    <div class="payload">
      <div class="line">
        <RadioGroup label="Show payload as" value={format} options={formats} onValue={setChosen} />
        <span class="muted">{payload.length.toLocaleString('en')} bytes</span>
        {shown.isCut && (
          <button type="button" class="small" onClick={() => setCharacters(characters * growthFactor)}>
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

const formats = [
  ['text', 'Text'],
  ['json', 'JSON'],
  ['hex', 'Hex'],
] as const;

function detectFormat(payload: Uint8Array): PayloadFormat {
  const text = decodeText(payload);
  if (text === undefined) return 'hex';
  return prettyJson(text, 0) ? 'json' : 'text';
}

function formatPayload(payload: Uint8Array, format: PayloadFormat, characters: number): Excerpt {
  if (format === 'hex') return hexDump(payload, characters);
  const text = decodeText(payload);
  if (format === 'text') return text === undefined ? complete('(not UTF-8, use Hex)') : textExcerpt(text, characters);
  return (text === undefined ? undefined : prettyJson(text, characters)) ?? complete('(not JSON)');
}

function complete(text: string): Excerpt {
  return { text, isCut: false };
}
