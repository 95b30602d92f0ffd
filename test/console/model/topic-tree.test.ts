import { describe, expect, it } from '@jest/globals';
import type { Message } from '../../../console/model/message-log';
import { countMessages, TopicTree } from '../../../console/model/topic-tree';

const message = (topic: string, { retain = false, payload = 'x' } = {}): Message => ({
  number: 1,
  receivedAt: 0,
  topic,
  payload: new TextEncoder().encode(payload),
  qos: 1,
  retain,
  dup: false,
  properties: {},
  colour: 0,
});

const roomy = { levels: 100, characters: 100_000, bytes: 100_000 };

const rowsOf = (tree: TopicTree, { open = [] as string[], wanted = '' } = {}) =>
  tree.rows(new Set(open), wanted).map(({ topic, depth }) => `${depth} ${topic}`);

describe('the topic tree', () => {
  it('returns the first levels by name, and the levels below open topics', () => {
    const tree = new TopicTree();
    for (const topic of ['home/b', 'home/a/x', 'cellar']) tree.addMessage(message(topic));
    expect(rowsOf(tree)).toEqual(['0 cellar', '0 home']);
    expect(rowsOf(tree, { open: ['home'] })).toEqual(['0 cellar', '0 home', '1 home/a', '1 home/b']);
  });

  it('returns topics that contain a text, with their ancestors', () => {
    const tree = new TopicTree();
    for (const topic of ['home/a/Lamp', 'home/b', 'cellar/lamp/x']) tree.addMessage(message(topic));

    expect(rowsOf(tree, { wanted: 'lamp' })).toEqual([
      '0 cellar',
      '1 cellar/lamp',
      '2 cellar/lamp/x',
      '0 home',
      '1 home/a',
      '2 home/a/Lamp',
    ]);
  });

  it('distinguishes empty levels', () => {
    const tree = new TopicTree();
    for (const topic of ['/', '/a', 'a', 'a/']) tree.addMessage(message(topic));

    expect(tree.find('a')?.messageCount).toBe(1);
    expect(tree.find('a/')?.messageCount).toBe(1);
    expect(tree.find('/a')?.messageCount).toBe(1);
    expect(tree.find('/')?.messageCount).toBe(1);
    expect(tree.find('')?.messageCount).toBe(0);
  });

  it('counts the messages of a topic and of all topics below', () => {
    const tree = new TopicTree();
    for (const topic of ['home', 'home/a', 'home/a']) tree.addMessage(message(topic));

    expect(tree.find('home')?.messageCount).toBe(1);
    expect(countMessages(tree.find('home')!)).toBe(3);
  });

  it('detects a retained message by its flag, and its deletion by an empty one', () => {
    const tree = new TopicTree();

    tree.addMessage(message('a', { retain: true, payload: 'four' }));
    expect(tree.find('a')?.retained).toEqual({ qos: 1, bytes: 4 });
    tree.addMessage(message('a', { payload: 'not retained' }));
    expect(tree.find('a')?.retained).toEqual({ qos: 1, bytes: 4 });
    tree.addMessage(message('a', { retain: true, payload: '' }));
    expect(tree.find('a')?.retained).toBeUndefined();
  });

  it('replaces its retained messages by a listing', () => {
    const tree = new TopicTree();
    tree.addMessage(message('old', { retain: true }));

    tree.setRetained([{ topic: 'new', qos: 2, bytes: 7 }]);

    expect(tree.find('old')?.retained).toBeUndefined();
    expect(tree.find('new')?.retained).toEqual({ qos: 2, bytes: 7 });
    tree.removeRetained('new');
    expect(tree.find('new')?.retained).toBeUndefined();
  });

  it('accepts topics up to its limit of levels, then only known topics, and counts the rest', () => {
    const tree = new TopicTree({ ...roomy, levels: 3 });

    for (const topic of ['a/b', 'c/d', 'a/b', 'e']) tree.addMessage(message(topic));

    expect(tree.find('a/b')?.messageCount).toBe(2);
    expect(tree.find('c')).toBeUndefined();
    expect(tree.find('e')?.messageCount).toBe(1);
    expect(tree.omittedCount).toBe(1);
    tree.clear();
    expect(rowsOf(tree)).toEqual([]);
    expect(tree.omittedCount).toBe(0);
  });

  it('accepts topics up to its limit of characters, and counts the rest', () => {
    const tree = new TopicTree({ ...roomy, characters: 10 });

    for (const topic of ['12345', '67890', 'x']) tree.addMessage(message(topic));

    expect(rowsOf(tree)).toEqual(['0 12345', '0 67890']);
    expect(tree.omittedCount).toBe(1);
  });

  it('keeps the newest payloads up to its limit of bytes, and counts all messages', () => {
    const tree = new TopicTree({ ...roomy, bytes: 12 });

    for (const topic of ['a', 'b', 'a', 'c']) tree.addMessage(message(topic, { payload: '12345' }));

    expect(['a', 'b', 'c'].map((topic) => tree.find(topic)?.last !== undefined)).toEqual([true, false, true]);
    expect(['a', 'b', 'c'].map((topic) => tree.find(topic)?.messageCount)).toEqual([2, 1, 1]);
  });

  it('distinguishes 64 levels of a topic, the rest is one level', () => {
    const tree = new TopicTree();
    const topic = Array.from({ length: 30_000 }, (_, index) => index).join('/');
    tree.addMessage(message(topic));

    const rows = tree.rows(new Set(), '29999');
    expect(rows).toHaveLength(64);
    expect(rows.at(-1)).toMatchObject({ topic, depth: 63, messageCount: 1 });
    expect(tree.find(topic)?.messageCount).toBe(1);
    expect(countMessages(rows[0]!)).toBe(1);
  });
});
