import { useContext, useEffect, useState } from 'preact/hooks';
import type { Workbench } from '../model/console-model';
import { cutText, previewOf } from '../model/payload';
import { heardBelow, type TopicNode, type TopicTree } from '../model/topic-tree';
import { Outcome, useAttempt } from './fields';
import { PayloadView } from './payload-view';
import { Shown, useObserved } from './use-observed';
import { VirtualRows } from './virtual-rows';

/** Characters of a level that a row has, and of a topic that is shown in full. */
const longestName = 300;
const longestTopic = 1000;

interface TopicsTabProps {
  readonly bench: Workbench;
  readonly onAnswer: (topic: string) => void;
}

/** Topics as a tree, with what is retained. */
export function TopicsTab({ bench, onAnswer }: TopicsTabProps) {
  const { tree, office } = bench;
  const [wanted, setWanted] = useState('');
  const [topic, setTopic] = useState<string>();
  const { outcome, busy, list } = useListing(bench);
  useObserved(tree, office, bench.session);
  const selected = topic === undefined ? undefined : tree.find(topic);
  return (
    <div class="split">
      <div class="toolbar">
        <input
          type="search"
          placeholder="Filter by topic"
          aria-label="Filter topics"
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
        {office.exists && (
          <button type="button" disabled={busy || !office.isSignedIn} onClick={list}>
            List retained
          </button>
        )}
        <button type="button" onClick={() => tree.clear()}>
          Clear
        </button>
        <Outcome outcome={outcome} />
      </div>
      <Tree tree={tree} wanted={wanted} selected={topic} onSelect={setTopic} />
      {tree.leftOut > 0 && <p class="outcome bad">{tree.leftOut} messages had topics for which there is no room</p>}
      {selected && (
        <TopicDetails
          key={topic}
          bench={bench}
          node={selected}
          onAnswer={onAnswer}
          onClose={() => setTopic(undefined)}
        />
      )}
    </div>
  );
}

/** What is retained, listed on request, and whenever one comes to look. */
function useListing(bench: Workbench) {
  const { isSignedIn } = bench.office;
  const { outcome, busy, attempt } = useAttempt();
  const isShown = useContext(Shown);
  const list = () => attempt(() => listRetained(bench));
  useEffect(() => {
    if (isSignedIn && isShown) list();
  }, [isSignedIn, isShown]);
  return { outcome, busy, list };
}

async function listRetained(bench: Workbench): Promise<string> {
  await bench.listRetained();
  if (bench.office.trouble !== '') throw new Error(bench.office.trouble);
  return '';
}

interface TreeProps {
  readonly tree: TopicTree;
  readonly wanted: string;
  readonly selected: string | undefined;
  readonly onSelect: (topic: string | undefined) => void;
}

function Tree({ tree, wanted, selected, onSelect }: TreeProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const fold = (node: TopicNode, wish: boolean) => setOpen((before) => folded(before, node, wish));
  const isOpen = ({ topic }: TopicNode) => wanted.trim() !== '' || open.has(topic);
  const rows = tree.rows(open, wanted);
  return (
    <VirtualRows
      label="Topics"
      role="tree"
      count={rows.length}
      rowAt={(index) => rows[index]!}
      keyOf={({ topic }) => topic}
      selected={selected}
      onSelect={(node) => {
        onSelect(node.topic);
        if (node.topic === selected && node.children.size > 0) fold(node, !open.has(node.topic));
      }}
      onKey={(key, node) => {
        const wish = foldWish(key, node, open);
        if (wish !== undefined) fold(node, wish);
        return wish !== undefined;
      }}
      onEscape={() => onSelect(undefined)}
      attributesOf={(node) => ({
        'aria-level': node.depth + 1,
        'aria-expanded': node.children.size > 0 ? isOpen(node) : undefined,
      })}
      empty="No topics yet. They are gathered from what is heard and from what is retained."
    >
      {(node) => <Line node={node} isOpen={isOpen(node)} />}
    </VirtualRows>
  );
}

function folded(open: ReadonlySet<string>, { topic }: TopicNode, isOpen: boolean): ReadonlySet<string> {
  const others = [...open].filter((each) => each !== topic);
  return new Set(isOpen ? [...others, topic] : others);
}

/** Whether a key opens a topic or closes it; `undefined` where it does neither. */
function foldWish(key: string, { topic, children }: TopicNode, open: ReadonlySet<string>): boolean | undefined {
  if (children.size === 0) return undefined;
  if (key === 'Enter' || key === ' ') return !open.has(topic);
  return key === 'ArrowRight' ? true : key === 'ArrowLeft' ? false : undefined;
}

function Line({ node, isOpen }: { readonly node: TopicNode; readonly isOpen: boolean }) {
  const heard = heardBelow(node);
  return (
    <>
      <span class="indent" style={{ width: `${node.depth * 16}px` }} />
      <span class="fold" aria-hidden="true">
        {node.children.size === 0 ? '' : isOpen ? '▾' : '▸'}
      </span>
      <span class="topic level">{node.level === '' ? '(empty)' : cutText(node.level, longestName)}</span>
      {node.retained && (
        <abbr class="badge retain" title={`retained at QoS ${node.retained.qos}, ${node.retained.bytes} bytes`}>
          R
        </abbr>
      )}
      <span class="preview cut code muted">{node.last && previewOf(node.last.payload)}</span>
      {heard > 0 && <span class="number muted">{heard.toLocaleString('en')}</span>}
    </>
  );
}

interface TopicDetailsProps {
  readonly bench: Workbench;
  readonly node: TopicNode;
  readonly onAnswer: (topic: string) => void;
  readonly onClose: () => void;
}

function TopicDetails({ bench, node, onAnswer, onClose }: TopicDetailsProps) {
  const { topic, retained, last } = node;
  const { outcome, busy, attempt } = useAttempt();
  const payload = useRetainedPayload(bench, node);
  const canClear = bench.session.status === 'online' || bench.office.isSignedIn;
  return (
    <section class="details" aria-label="Topic">
      <header>
        <h3 class="topic">{cutText(topic, longestTopic)}</h3>
        <button type="button" class="small" onClick={() => onAnswer(topic)}>
          Publish here
        </button>
        {retained && (
          <button
            type="button"
            class="small danger"
            disabled={busy || !canClear}
            onClick={() =>
              attempt(async () => {
                await bench.clearRetained(topic);
                return 'the retained message is cleared';
              })
            }
          >
            Clear retained
          </button>
        )}
        <button type="button" class="small" aria-label="Close the topic" onClick={onClose}>
          ✕
        </button>
      </header>
      <Outcome outcome={outcome} />
      {retained && (
        <p class="line">
          <span class="badge retain">retained</span>
          <span class="badge">QoS {retained.qos}</span>
        </p>
      )}
      {payload ? <PayloadView payload={payload} /> : <p class="muted">{last ? '' : 'Nothing heard of this topic.'}</p>}
    </section>
  );
}

/** The newest payload of a topic: what was heard of it, or what the API says is retained. */
function useRetainedPayload({ office }: Workbench, { topic, retained, last }: TopicNode): Uint8Array | undefined {
  const [asked, setAsked] = useState<Uint8Array>();
  const isUnheard = retained !== undefined && last === undefined;
  useEffect(() => {
    if (isUnheard) office.retainedPayload(topic).then(setAsked);
  }, [topic, isUnheard]);
  return last?.payload ?? (retained && asked);
}
