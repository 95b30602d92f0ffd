import type { Message } from './message-log';
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

/** Topics as a tree, of what was heard and of what is said to be retained. It takes so many levels and no more. */
export class TopicTree extends Observable {
  private root = freshNode();
  private levels = 0;
  private left = 0;

  constructor(private readonly mostLevels = 10_000) {
    super();
  }

  /** Topics for which there was no room. */
  get leftOut(): number {
    return this.left;
  }

  heard(message: Message): void {
    const node = this.grow(message.topic);
    if (node) note(node, message);
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
    return topic.split('/').reduce<GrowingNode | undefined>((node, level) => node?.children.get(level), this.root);
  }

  /** What is seen: the first levels, and those below open topics; by name. With a text, all that lead to a topic with it. */
  rows(open: ReadonlySet<string>, wanted = ''): TopicNode[] {
    const text = wanted.trim().toLowerCase();
    return text === '' ? openRows(this.root, open) : matchingRows(this.root, text);
  }

  clear(): void {
    this.root = freshNode();
    this.levels = 0;
    this.left = 0;
    this.changed();
  }

  private grow(topic: string): GrowingNode | undefined {
    let node = this.root;
    const levels = topic.split('/');
    const known = this.find(topic);
    if (known) return known;
    if (this.levels + levels.length > this.mostLevels) {
      this.left += 1;
      return undefined;
    }
    for (const [depth, level] of levels.entries()) {
      const next = node.children.get(level) ?? freshNode(level, levels.slice(0, depth + 1).join('/'), depth);
      if (!node.children.has(level)) this.levels += 1;
      node.children.set(level, next);
      node = next;
    }
    return node;
  }
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

function note(node: GrowingNode, message: Message): void {
  node.heard += 1;
  node.last = message;
  // An empty retained message takes the retained one away [MQTT-3.3.1-6].
  if (message.retain) node.retained = message.payload.length === 0 ? undefined : retainedIn(message);
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
