import { candidateFilters, shapeOf } from '../../protocol/shape';
import type { ShapeList, Subscriber } from '../model/subscription';
import type { TopicIndex } from '../ports/topic-index-store';
import { type Recipients, recipientsOf } from './recipients';
import type { SubscriberCache } from './subscriber-cache';

export type RecipientsByTopic = ReadonlyMap<string, Recipients>;

type Queries = ReadonlyMap<string, Promise<readonly Subscriber[]>>;

/** Finds the recipients of topics. One read of the list of shapes serves a whole invocation. */
export class Router {
  private shapes: Promise<ShapeList> | undefined;

  constructor(
    private readonly index: TopicIndex,
    private readonly cache: SubscriberCache,
  ) {}

  /** The list of shapes is read, or being read. */
  get isPrepared(): boolean {
    return this.shapes !== undefined;
  }

  /** Uses a list of shapes that this invocation reads together with other items. */
  prepare(shapes: Promise<ShapeList>): void {
    shapes.catch(() => undefined); // the caller that awaits it gets the error
    this.shapes ??= shapes;
  }

  /** Returns the recipients according to the cache, which may be out of date; undefined if the cache does not know them all. */
  cachedRecipients(topics: Iterable<string>): RecipientsByTopic | undefined {
    const shapes = this.cache.shapes;
    const cached = new Map<string, Recipients>();
    for (const topic of new Set(topics)) {
      const found = candidateFilters(shapes.keys(), topic).map((filter) =>
        this.cache.get(filter, shapes.get(shapeOf(filter))),
      );
      if (found.includes(undefined)) return undefined;
      cached.set(topic, recipientsOf(found.flatMap((subscribers) => subscribers ?? [])));
    }
    return cached;
  }

  /** Reads the list of shapes again when it is next needed, because this invocation may have changed it. */
  refresh(): void {
    this.shapes = undefined;
  }

  currentShapes(): Promise<ShapeList> {
    this.shapes ??= this.index.shapes();
    return this.shapes;
  }

  /** Returns the recipients of messages that are published to these topics now. */
  async recipients(topics: Iterable<string>): Promise<RecipientsByTopic> {
    const wanted = [...new Set(topics)];
    const cachedShapes = this.cache.shapes;
    const early = this.query(
      wanted.flatMap((topic) => candidateFilters(cachedShapes.keys(), topic)),
      cachedShapes,
    );
    const { revisions: shapes } = await this.currentShapes();
    this.cache.shapes = shapes;
    const filtersOf = new Map(wanted.map((topic) => [topic, candidateFilters(shapes.keys(), topic)]));
    const found = await this.complete([...filtersOf.values()].flat(), shapes, early);
    return new Map(
      [...filtersOf].map(([topic, filters]) => [
        topic,
        recipientsOf(filters.flatMap((filter) => found.get(filter) ?? [])),
      ]),
    );
  }

  /** Begins to query the filters that are not cached under these revisions. */
  private query(filters: Iterable<string>, shapes: ReadonlyMap<string, number>): Queries {
    const queries = new Map<string, Promise<readonly Subscriber[]>>();
    for (const filter of new Set(filters)) {
      const revision = shapes.get(shapeOf(filter));
      if (this.cache.get(filter, revision)) continue;
      const subscribers = this.queryFilter(filter, revision ?? 0);
      subscribers.catch(() => undefined); // awaited later, or not needed at all
      queries.set(filter, subscribers);
    }
    return queries;
  }

  private async queryFilter(filter: string, revision: number): Promise<Subscriber[]> {
    const subscribers = await this.index.subscribers(filter);
    this.cache.set(filter, revision, subscribers);
    return subscribers;
  }

  /**
   * Queries the missing filters. A result of an early query is as good as one of now: both queries follow the message. The cached rows
   * are taken before any query ends, because a large result may evict them.
   */
  private async complete(
    filters: readonly string[],
    shapes: ReadonlyMap<string, number>,
    early: Queries,
  ): Promise<Map<string, readonly Subscriber[]>> {
    const missing = filters.filter((filter) => !early.has(filter));
    const cached = new Map(missing.map((filter) => [filter, this.cache.get(filter, shapes.get(shapeOf(filter)))]));
    const more = this.query(missing, shapes);
    const found = new Map<string, readonly Subscriber[]>();
    for (const filter of new Set(filters)) {
      const subscribers = await (early.get(filter) ?? more.get(filter));
      found.set(filter, subscribers ?? cached.get(filter) ?? []);
    }
    return found;
  }
}
