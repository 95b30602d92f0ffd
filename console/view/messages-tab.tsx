import { useMemo, useRef, useState } from 'preact/hooks';
import type { ConsoleModel } from '../model/console-model';
import { FilteredLog, type Message } from '../model/message-log';
import { cutText, formatPreview } from '../model/payload';
import { MessageDetails } from './message-details';
import { formatTime } from './time-of';
import { useObserved } from './use-observed';
import { VirtualRows } from './virtual-rows';

/** Maximum characters of a topic in a row; CSS may cut it further. */
const maxTopicCharacters = 300;

interface MessagesTabProps {
  readonly model: ConsoleModel;
  readonly onRespond: (topic: string, correlationData?: Uint8Array) => void;
}

/** Received messages, newest first. */
export function MessagesTab({ model: { log }, onRespond }: MessagesTabProps) {
  const [searchText, setSearchText] = useState('');
  const [selected, setSelected] = useState<Message>();
  const { messages, total, isPaused, pause, resume } = usePausable(log, searchText);
  const clear = () => {
    log.clear();
    setSelected(undefined);
    resume();
  };
  return (
    <div class="split">
      <div class="toolbar">
        <input
          type="search"
          placeholder="Filter by topic or payload"
          aria-label="Filter messages by topic or payload"
          value={searchText}
          onInput={(event) => setSearchText(event.currentTarget.value)}
        />
        <button type="button" aria-pressed={isPaused} onClick={isPaused ? resume : pause}>
          {isPaused ? `Resume (${log.total - total} new)` : 'Pause'}
        </button>
        <button type="button" onClick={clear}>
          Clear
        </button>
        <span class="muted number" role="status" aria-label="Messages shown">
          {messages.length.toLocaleString('en')}
          {searchText.trim() !== '' && ` of ${log.messages.length.toLocaleString('en')}`}
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
        empty={searchText.trim() === '' ? 'No messages yet. Connect, then subscribe to a topic.' : 'No matches.'}
      >
        {(message) => <MessageRow message={message} />}
      </VirtualRows>
      {selected && <MessageDetails message={selected} onRespond={onRespond} onClose={() => setSelected(undefined)} />}
    </div>
  );
}

function MessageRow({
  message: { receivedAt, topic, payload, qos, retain, dup, colour },
}: {
  readonly message: Message;
}) {
  const preview = useMemo(() => formatPreview(payload), [payload]);
  return (
    <>
      <span class="time muted number">{formatTime(receivedAt)}</span>
      <span class={`badge qos-${qos}`}>{qos}</span>
      <span class={`topic column cut colour-${colour}`}>{cutText(topic, maxTopicCharacters)}</span>
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

/** Messages of a log, or a snapshot of them while paused. */
function usePausable(log: ConsoleModel['log'], searchText: string) {
  const filtered = useMemo(() => new FilteredLog(log, searchText), [log, searchText]);
  const [isPaused, setIsPaused] = useState(false);
  const frozen = useRef<{ messages: readonly Message[]; total: number } | undefined>(undefined);
  useObserved(log);
  const pause = () => {
    frozen.current = { messages: [...filtered.messages()], total: log.total };
    setIsPaused(true);
  };
  const resume = () => {
    frozen.current = undefined;
    setIsPaused(false);
  };
  return { ...(frozen.current ?? { messages: filtered.messages(), total: log.total }), isPaused, pause, resume };
}
