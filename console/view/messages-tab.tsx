import { useMemo, useRef, useState } from 'preact/hooks';
import type { Workbench } from '../model/console-model';
import { FilteredLog, type Message } from '../model/message-log';
import { cutText, previewOf } from '../model/payload';
import { MessageDetails } from './message-details';
import { timeOf } from './time-of';
import { useObserved } from './use-observed';
import { VirtualRows } from './virtual-rows';

/** Characters of a topic that a row has; it shows fewer. */
const longestName = 300;

interface MessagesTabProps {
  readonly bench: Workbench;
  readonly onAnswer: (topic: string, correlationData?: Uint8Array) => void;
}

/** What was heard, newest first. */
export function MessagesTab({ bench: { log }, onAnswer }: MessagesTabProps) {
  const [wanted, setWanted] = useState('');
  const [selected, setSelected] = useState<Message>();
  const { messages, total, isPaused, setPaused } = usePausable(log, wanted);
  const clear = () => {
    log.clear();
    setSelected(undefined);
    setPaused(false);
  };
  return (
    <div class="split">
      <div class="toolbar">
        <input
          type="search"
          placeholder="Filter by topic or payload"
          aria-label="Filter messages by topic or payload"
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
        <button type="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {isPaused ? `Resume (${log.total - total} new)` : 'Pause'}
        </button>
        <button type="button" onClick={clear}>
          Clear
        </button>
        <span class="muted number" role="status" aria-label="Messages shown">
          {messages.length.toLocaleString('en')}
          {wanted.trim() !== '' && ` of ${log.messages.length.toLocaleString('en')}`}
        </span>
      </div>
      <VirtualRows
        label="Messages"
        role="listbox"
        count={messages.length}
        rowAt={(index) => messages[messages.length - 1 - index]!}
        keyOf={({ number }) => number}
        selected={selected?.number}
        onSelect={setSelected}
        onEscape={() => setSelected(undefined)}
        addedAtTop={total}
        empty={wanted.trim() === '' ? 'Nothing heard yet. Connect, then subscribe to something.' : 'Nothing matches.'}
      >
        {(message) => <Line message={message} />}
      </VirtualRows>
      {selected && <MessageDetails message={selected} onAnswer={onAnswer} onClose={() => setSelected(undefined)} />}
    </div>
  );
}

function Line({ message: { receivedAt, topic, payload, qos, retain, dup, colour } }: { readonly message: Message }) {
  const preview = useMemo(() => previewOf(payload), [payload]);
  return (
    <>
      <span class="time muted number">{timeOf(receivedAt)}</span>
      <span class={`badge qos-${qos}`}>{qos}</span>
      <span class={`topic column cut colour-${colour}`}>{cutText(topic, longestName)}</span>
      <span class="flags">
        {retain && (
          <abbr class="badge retain" title="retained">
            R
          </abbr>
        )}
        {dup && (
          <abbr class="badge" title="sent again">
            D
          </abbr>
        )}
      </span>
      <span class="preview cut code">{preview}</span>
    </>
  );
}

/** The messages of a log, standing still while paused. */
function usePausable(log: Workbench['log'], wanted: string) {
  const filtered = useMemo(() => new FilteredLog(log, wanted), [log, wanted]);
  const [isPaused, setIsPaused] = useState(false);
  const frozen = useRef<{ messages: readonly Message[]; total: number } | undefined>(undefined);
  useObserved(log);
  const setPaused = (pause: boolean) => {
    frozen.current = pause ? { messages: [...filtered.messages()], total: log.total } : undefined;
    setIsPaused(pause);
  };
  return { ...(frozen.current ?? { messages: filtered.messages(), total: log.total }), isPaused, setPaused };
}
