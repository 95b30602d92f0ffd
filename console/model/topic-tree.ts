import { type Message, sizeOf } from './message-log';
import { Observable } from './observable';

/** What is known of a retained message. */
export interface Retained {
  readonly qos: 0 | 1 | 2;
  readonly bytes: number;
}

/** A level of a topic, and what was heard of the topic that ends there. */
export interface TopicNode {
  readonly level: string;
  readonly topic: string;
  readonly depth: number;
  readonly children: ReadonlyMap<string, TopicNode>;
  readonly heard: number;
  readonly last?: Message;
  readonly retained?: Retained;
}

interface GrowingNode extends TopicNode {
  readonly children: Map<string, GrowingNode>;
  heard: number;
  last?: Message;
  retained?: Retained;
}

/** Levels of one topic that are told apart; the rest is one level. A topic may have 32,768. */
const deepest = 64;

export interface TreeLimits {
  readonly levels: number;
  /** Of all topics together. */
  readonly characters: number;
  /** Of the newest payloads of all topics together. */
  readonly bytes: number;
}

/** Topics as a tree, of what was heard and of what is said to be retained, within limits. */
export class TopicTree extends Observable {
  private root = freshNode();
  private levels = 0;
  private characters = 0;
  private left = 0;
  /** Topics whose newest payload is kept, the one that was heard the longest ago first. */
  private readonly newest = new Set<GrowingNode>();
  private newestBytes = 0;

  constructor(
    private readonly limits: TreeLimits = { levels: 10_000, characters: 4 * 1024 * 1024, bytes: 16 * 1024 * 1024 },
  ) {
    super();
  }

  /** Topics for which there was no room. */
  get leftOut(): number {
    return this.left;
  }

  heard(message: Message): void {
    const node = this.grow(message.topic);
    if (node) this.note(node, message);
    this.changed();
  }

  /** What a listing says; topics that it does not name have nothing retained any more. */
  listed(entries: readonly (Retained & { readonly topic: string })[]): void {
    for (const node of nodesBelow(this.root)) node.retained = undefined;
    for (const { topic, qos, bytes } of entries) {
      const node = this.grow(topic);
      if (node) node.retained = { qos, bytes };
    }
    this.changed();
  }

  cleared(topic: string): void {
    const node = this.find(topic);
    if (node) node.retained = undefined;
    this.changed();
  }

  find(topic: string): GrowingNode | undefined {
    return levelsOf(topic).reduce<GrowingNode | undefined>((node, level) => node?.children.get(level), this.root);
  }

  /** What is seen: the first levels, and those below open topics; by name. With a text, all that lead to a topic with it. */
  rows(open: ReadonlySet<string>, wanted = ''): TopicNode[] {
    const text = wanted.trim().toLowerCase();
    return text === '' ? openRows(this.root, open) : matchingRows(this.root, text);
  }

  clear(): void {
    this.root = freshNode();
    this.levels = 0;
    this.characters = 0;
    this.left = 0;
    this.newest.clear();
    this.newestBytes = 0;
    this.changed();
  }

  private grow(topic: string): GrowingNode | undefined {
    const known = this.find(topic);
    if (known) return known;
    const levels = levelsOf(topic);
    const characters = this.characters + topic.length;
    if (this.levels + levels.length > this.limits.levels || characters > this.limits.characters) {
      this.left += 1;
      return undefined;
    }
    this.characters = characters;
    let node = this.root;
    for (const [depth, level] of levels.entries()) {
      const next = node.children.get(level) ?? freshNode(level, levels.slice(0, depth + 1).join('/'), depth);
      if (!node.children.has(level)) this.levels += 1;
      node.children.set(level, next);
      node = next;
    }
    return node;
  }

  private note(node: GrowingNode, message: Message): void {
    node.heard += 1;
    this.forgetNewest(node);
    node.last = message;
    this.newest.add(node);
    this.newestBytes += sizeOf(message);
    for (const oldest of this.newest) {
      if (this.newestBytes <= this.limits.bytes) break;
      this.forgetNewest(oldest);
    }
    // An empty retained message takes the retained one away [MQTT-3.3.1-6].
    if (message.retain) node.retained = message.payload.length === 0 ? undefined : retainedIn(message);
  }

  private forgetNewest(node: GrowingNode): void {
    if (node.last) this.newestBytes -= sizeOf(node.last);
    node.last = undefined;
    this.newest.delete(node);
  }
}

function levelsOf(topic: string): string[] {
  const levels = topic.split('/');
  if (levels.length <= deepest) return levels;
  return [...levels.slice(0, deepest - 1), levels.slice(deepest - 1).join('/')];
}

/** How many messages were heard of a topic and of those below. */
export function heardBelow(node: TopicNode): number {
  let sum = node.heard;
  for (const child of node.children.values()) sum += heardBelow(child);
  return sum;
}

function openRows(node: GrowingNode, open: ReadonlySet<string>): TopicNode[] {
  return sorted(node).flatMap((child) => [child, ...(open.has(child.topic) ? openRows(child, open) : [])]);
}

function matchingRows(node: GrowingNode, text: string): TopicNode[] {
  return sorted(node).flatMap((child) => {
    const below = matchingRows(child, text);
    return below.length > 0 || child.topic.toLowerCase().includes(text) ? [child, ...below] : [];
  });
}

function freshNode(level = '', topic = '', depth = -1): GrowingNode {
  return { level, topic, depth, children: new Map(), heard: 0 };
}

function retainedIn({ qos, payload }: Message): Retained {
  return { qos, bytes: payload.length };
}

function sorted(node: GrowingNode): GrowingNode[] {
  return [...node.children.values()].sort((one, other) => (one.level < other.level ? -1 : 1));
}

function* nodesBelow(node: GrowingNode): Generator<GrowingNode> {
  for (const child of node.children.values()) {
    yield child;
    yield* nodesBelow(child);
  }
}
