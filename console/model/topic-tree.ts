import { type Message, sizeOf } from './message-log';
import { Observable } from './observable';

/** Retained message, without its payload. */
export interface Retained {
  readonly qos: 0 | 1 | 2;
  readonly bytes: number;
}

/** Level of a topic, with the messages of the topic that ends there. */
export interface TopicNode {
  readonly level: string;
  readonly topic: string;
  readonly depth: number;
  readonly children: ReadonlyMap<string, TopicNode>;
  readonly messageCount: number;
  readonly last?: Message;
  readonly retained?: Retained;
}

interface MutableNode extends TopicNode {
  readonly children: Map<string, MutableNode>;
  messageCount: number;
  last?: Message;
  retained?: Retained;
}

/** Maximum number of levels of one topic; the rest becomes the last level. A topic can have 32,768 levels. */
const maxLevels = 64;

export interface TreeLimits {
  readonly levels: number;
  /** Total characters of all topics. */
  readonly characters: number;
  /** Total size of the last messages of all topics. */
  readonly bytes: number;
}

/** Tree of the topics of received and retained messages. Omits topics above its limits. */
export class TopicTree extends Observable {
  private root = createNode();
  private levels = 0;
  private characters = 0;
  private omitted = 0;
  /** Topics whose last message is kept, least recently received first. */
  private readonly nodesWithPayload = new Set<MutableNode>();
  private payloadBytes = 0;

  constructor(
    private readonly limits: TreeLimits = { levels: 10_000, characters: 4 * 1024 * 1024, bytes: 16 * 1024 * 1024 },
  ) {
    super();
  }

  /** Number of messages whose topics exceeded the limits. */
  get omittedCount(): number {
    return this.omitted;
  }

  addMessage(message: Message): void {
    const node = this.findOrCreate(message.topic);
    if (node) this.recordMessage(node, message);
    this.changed();
  }

  /** Replaces the retained messages of all topics by a listing. */
  setRetained(entries: readonly (Retained & { readonly topic: string })[]): void {
    for (const node of nodesBelow(this.root)) node.retained = undefined;
    for (const { topic, qos, bytes } of entries) {
      const node = this.findOrCreate(topic);
      if (node) node.retained = { qos, bytes };
    }
    this.changed();
  }

  removeRetained(topic: string): void {
    const node = this.find(topic);
    if (node) node.retained = undefined;
    this.changed();
  }

  find(topic: string): MutableNode | undefined {
    return splitTopic(topic).reduce<MutableNode | undefined>((node, level) => node?.children.get(level), this.root);
  }

  /**
   * Returns the visible nodes in the order of their names: the first level, and the levels below open topics. With a search
   * text, returns the matching topics and their ancestors instead.
   */
  rows(open: ReadonlySet<string>, searchText = ''): TopicNode[] {
    const text = searchText.trim().toLowerCase();
    return text === '' ? openRows(this.root, open) : matchingRows(this.root, text);
  }

  clear(): void {
    this.root = createNode();
    this.levels = 0;
    this.characters = 0;
    this.omitted = 0;
    this.nodesWithPayload.clear();
    this.payloadBytes = 0;
    this.changed();
  }

  private findOrCreate(topic: string): MutableNode | undefined {
    const known = this.find(topic);
    if (known) return known;
    const levels = splitTopic(topic);
    const characters = this.characters + topic.length;
    if (this.levels + levels.length > this.limits.levels || characters > this.limits.characters) {
      this.omitted += 1;
      return undefined;
    }
    this.characters = characters;
    let node = this.root;
    for (const [depth, level] of levels.entries()) {
      const next = node.children.get(level) ?? createNode(level, levels.slice(0, depth + 1).join('/'), depth);
      if (!node.children.has(level)) this.levels += 1;
      node.children.set(level, next);
      node = next;
    }
    return node;
  }

  private recordMessage(node: MutableNode, message: Message): void {
    node.messageCount += 1;
    this.dropPayload(node);
    node.last = message;
    this.nodesWithPayload.add(node);
    this.payloadBytes += sizeOf(message);
    for (const oldest of this.nodesWithPayload) {
      if (this.payloadBytes <= this.limits.bytes) break;
      this.dropPayload(oldest);
    }
    // An empty retained message deletes the retained message [MQTT-3.3.1-6].
    if (message.retain) node.retained = message.payload.length === 0 ? undefined : retainedIn(message);
  }

  private dropPayload(node: MutableNode): void {
    if (node.last) this.payloadBytes -= sizeOf(node.last);
    node.last = undefined;
    this.nodesWithPayload.delete(node);
  }
}

function splitTopic(topic: string): string[] {
  const levels = topic.split('/');
  if (levels.length <= maxLevels) return levels;
  return [...levels.slice(0, maxLevels - 1), levels.slice(maxLevels - 1).join('/')];
}

/** Counts the messages of a topic and of the topics below it. */
export function countMessages(node: TopicNode): number {
  let sum = node.messageCount;
  for (const child of node.children.values()) sum += countMessages(child);
  return sum;
}

function openRows(node: MutableNode, open: ReadonlySet<string>): TopicNode[] {
  return sortedChildren(node).flatMap((child) => [child, ...(open.has(child.topic) ? openRows(child, open) : [])]);
}

function matchingRows(node: MutableNode, text: string): TopicNode[] {
  return sortedChildren(node).flatMap((child) => {
    const below = matchingRows(child, text);
    return below.length > 0 || child.topic.toLowerCase().includes(text) ? [child, ...below] : [];
  });
}

function createNode(level = '', topic = '', depth = -1): MutableNode {
  return { level, topic, depth, children: new Map(), messageCount: 0 };
}

function retainedIn({ qos, payload }: Message): Retained {
  return { qos, bytes: payload.length };
}

function sortedChildren(node: MutableNode): MutableNode[] {
  return [...node.children.values()].sort((one, other) => (one.level < other.level ? -1 : 1));
}

function* nodesBelow(node: MutableNode): Generator<MutableNode> {
  for (const child of node.children.values()) {
    yield child;
    yield* nodesBelow(child);
  }
}
