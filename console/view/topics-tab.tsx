import { useContext, useEffect, useState } from 'preact/hooks';
import type { ConsoleModel } from '../model/console-model';
import { cutText, formatPreview } from '../model/payload';
import { countMessages, type TopicNode, type TopicTree } from '../model/topic-tree';
import { Outcome, useAction } from './fields';
import { PayloadView } from './payload-view';
import { IsVisible, useObserved } from './use-observed';
import { VirtualRows } from './virtual-rows';

/** Maximum displayed characters of a level in a row. */
const maxLevelCharacters = 300;
/** Maximum displayed characters of a topic in its details. */
const maxTopicCharacters = 1000;

interface TopicsTabProps {
  readonly model: ConsoleModel;
  readonly onRespond: (topic: string) => void;
}

/** Tree of topics, with retained messages. */
export function TopicsTab({ model, onRespond }: TopicsTabProps) {
  const { tree, api } = model;
  const [searchText, setSearchText] = useState('');
  const [topic, setTopic] = useState<string>();
  const { outcome, busy, list } = useRetainedList(model);
  useObserved(tree, api, model.session);
  const selected = topic === undefined ? undefined : tree.find(topic);
  return (
    <div class="split">
      <div class="toolbar">
        <input
          type="search"
          placeholder="Filter by topic"
          aria-label="Filter topics"
          value={searchText}
          onInput={(event) => setSearchText(event.currentTarget.value)}
        />
        {api.exists && (
          <button type="button" disabled={busy || !api.isSignedIn} onClick={list}>
            List retained
          </button>
        )}
        <button type="button" onClick={() => tree.clear()}>
          Clear
        </button>
        <Outcome outcome={outcome} />
      </div>
      <Tree tree={tree} searchText={searchText} selected={topic} onSelect={setTopic} />
      {tree.omittedCount > 0 && (
        <p class="outcome bad">{tree.omittedCount} messages omitted: their topics exceed the limits</p>
      )}
      {selected && (
        <TopicDetails
          key={topic}
          model={model}
          node={selected}
          onRespond={onRespond}
          onClose={() => setTopic(undefined)}
        />
      )}
    </div>
  );
}

/** Lists retained messages on request, and each time the tab becomes visible. */
function useRetainedList(model: ConsoleModel) {
  const { isSignedIn } = model.api;
  const { outcome, busy, run } = useAction();
  const isShown = useContext(IsVisible);
  const list = () => run(() => listRetained(model));
  useEffect(() => {
    if (isSignedIn && isShown) list();
  }, [isSignedIn, isShown]);
  return { outcome, busy, list };
}

async function listRetained(model: ConsoleModel): Promise<string> {
  await model.listRetained();
  if (model.api.error !== '') throw new Error(model.api.error);
  return '';
}

interface TreeProps {
  readonly tree: TopicTree;
  readonly searchText: string;
  readonly selected: string | undefined;
  readonly onSelect: (topic: string | undefined) => void;
}

function Tree({ tree, searchText, selected, onSelect }: TreeProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const expand = ({ topic }: TopicNode) => setOpen((before) => new Set(before).add(topic));
  const collapse = ({ topic }: TopicNode) => setOpen((before) => new Set([...before].filter((each) => each !== topic)));
  const isOpen = ({ topic }: TopicNode) => searchText.trim() !== '' || open.has(topic);
  const rows = tree.rows(open, searchText);
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
        if (node.topic === selected && node.children.size > 0) (open.has(node.topic) ? collapse : expand)(node);
      }}
      onKey={(key, node) => {
        const expands = expandedAfterKey(key, node, open);
        if (expands === undefined) return false;
        (expands ? expand : collapse)(node);
        return true;
      }}
      onEscape={() => onSelect(undefined)}
      attributesOf={(node) => ({
        'aria-level': node.depth + 1,
        'aria-expanded': node.children.size > 0 ? isOpen(node) : undefined,
      })}
      empty="No topics yet. The tree contains topics of received and of retained messages."
    >
      {(node) => <TopicRow node={node} isOpen={isOpen(node)} />}
    </VirtualRows>
  );
}

/** Returns the state of a topic after a key: true for expanded, false for collapsed, `undefined` for no change. */
function expandedAfterKey(key: string, { topic, children }: TopicNode, open: ReadonlySet<string>): boolean | undefined {
  if (children.size === 0) return undefined;
  if (key === 'Enter' || key === ' ') return !open.has(topic);
  return key === 'ArrowRight' ? true : key === 'ArrowLeft' ? false : undefined;
}

function TopicRow({ node, isOpen }: { readonly node: TopicNode; readonly isOpen: boolean }) {
  const count = countMessages(node);
  return (
    <>
      <span class="indent" style={{ width: `${node.depth * 16}px` }} />
      <span class="fold" aria-hidden="true">
        {node.children.size === 0 ? '' : isOpen ? '▾' : '▸'}
      </span>
      <span class="topic level">{node.level === '' ? '(empty)' : cutText(node.level, maxLevelCharacters)}</span>
      {node.retained && (
        <abbr class="badge retain" title={`retained at QoS ${node.retained.qos}, ${node.retained.bytes} bytes`}>
          R
        </abbr>
      )}
      <span class="preview cut code muted">{node.last && formatPreview(node.last.payload)}</span>
      {count > 0 && <span class="number muted">{count.toLocaleString('en')}</span>}
    </>
  );
}

interface TopicDetailsProps {
  readonly model: ConsoleModel;
  readonly node: TopicNode;
  readonly onRespond: (topic: string) => void;
  readonly onClose: () => void;
}

function TopicDetails({ model, node, onRespond, onClose }: TopicDetailsProps) {
  const { topic, retained, last } = node;
  const { outcome, busy, run } = useAction();
  const payload = useRetainedPayload(model, node);
  const canClear = model.session.status === 'online' || model.api.isSignedIn;
  return (
    <section class="details" aria-label="Topic">
      <header>
        <h3 class="topic">{cutText(topic, maxTopicCharacters)}</h3>
        <button type="button" class="small" onClick={() => onRespond(topic)}>
          Publish here
        </button>
        {retained && (
          <button
            type="button"
            class="small danger"
            disabled={busy || !canClear}
            onClick={() =>
              run(async () => {
                await model.clearRetained(topic);
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
      {payload ? <PayloadView payload={payload} /> : <p class="muted">{last ? '' : 'No message of this topic yet.'}</p>}
    </section>
  );
}

/** Returns the last received payload of a topic, or else the payload of its retained message from the API. */
function useRetainedPayload({ api }: ConsoleModel, { topic, retained, last }: TopicNode): Uint8Array | undefined {
  const [fetched, setFetched] = useState<Uint8Array>();
  const needsFetch = retained !== undefined && last === undefined;
  useEffect(() => {
    if (needsFetch) api.retainedPayload(topic).then(setFetched);
  }, [topic, needsFetch]);
  return last?.payload ?? (retained && fetched);
}
