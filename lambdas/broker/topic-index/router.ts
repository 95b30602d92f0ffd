import { candidateFilters, shapeOf } from '../../protocol/shape';
import { LruMap } from '../../shared/lru-map';
import type { ShapeList, Subscriber } from '../model/subscription';
import type { TopicIndex } from '../ports/topic-index-store';
import { type Recipients, recipientsOf } from './recipients';

/** Limit of the cache of one container, in rows of the topic index. */
const maxCachedRows = 20_000;

interface CachedFilter {
  readonly revision: number;
  readonly subscribers: readonly Subscriber[];
}

/**
 * What a warm container knows of the topic index. Every change among the filters of a shape gives the shape a new
 * revision before its SUBACK leaves, and every routing reads the list of shapes first; so rows remembered under the
 * current revision are right, whichever container changed the index.
 */
export class SubscriberCache {
  private readonly filters = new LruMap<string, CachedFilter>({
    maxSize: maxCachedRows,
    sizeOf: ({ subscribers }) => 1 + subscribers.length,
  });
  /** Shapes as last read; only a guess at what is worth asking for. */
  shapes: ReadonlyMap<string, number> = new Map();

  get(filter: string, revision: number | undefined): readonly Subscriber[] | undefined {
    const cached = this.filters.get(filter);
    return cached && cached.revision === revision ? cached.subscribers : undefined;
  }

  set(filter: string, revision: number, subscribers: readonly Subscriber[]): void {
    this.filters.set(filter, { revision, subscribers });
  }
}

export type RecipientsByTopic = ReadonlyMap<string, Recipients>;

/** Finds the subscribers of topics. One reading of the list of shapes serves a whole invocation. */
export class Router {
  private shapes: Promise<ShapeList> | undefined;

  constructor(
    private readonly index: TopicIndex,
    private readonly cache: SubscriberCache,
  ) {}

  get isPrepared(): boolean {
    return this.shapes !== undefined;
  }

  /** The list of shapes is being read by this invocation together with something else. */
  prepare(shapes: Promise<ShapeList>): void {
    shapes.catch(() => undefined); // whoever awaits it gets the error
    this.shapes ??= shapes;
  }

  /** Who would hear these topics if nothing changed since this container looked; undefined when it does not know. */
  guess(topics: Iterable<string>): RecipientsByTopic | undefined {
    const shapes = this.cache.shapes;
    const guessed = new Map<string, Recipients>();
    for (const topic of new Set(topics)) {
      const found = candidateFilters(shapes.keys(), topic).map((filter) =>
        this.cache.get(filter, shapes.get(shapeOf(filter))),
      );
      if (found.includes(undefined)) return undefined;
      guessed.set(topic, recipientsOf(found.flatMap((subscribers) => subscribers ?? [])));
    }
    return guessed;
  }

  /** The list of shapes may have changed by this very invocation. */
  refresh(): void {
    this.shapes = undefined;
  }

  currentShapes(): Promise<ShapeList> {
    this.shapes ??= this.index.shapes();
    return this.shapes;
  }

  /** Who hears what is published to these topics. */
  async audiences(topics: Iterable<string>): Promise<RecipientsByTopic> {
    const wanted = [...new Set(topics)];
    const guessed = this.cache.shapes;
    const asked = this.ask(
      wanted.flatMap((topic) => candidateFilters(guessed.keys(), topic)),
      guessed,
    );
    const { revisions: shapes } = await this.currentShapes();
    this.cache.shapes = shapes;
    const filtersOf = new Map(wanted.map((topic) => [topic, candidateFilters(shapes.keys(), topic)]));
    const found = await this.complete([...filtersOf.values()].flat(), shapes, asked);
    return new Map(
      [...filtersOf].map(([topic, filters]) => [
        topic,
        recipientsOf(filters.flatMap((filter) => found.get(filter) ?? [])),
      ]),
    );
  }

  /** Queries the filters that are not remembered under these revisions. */
  private ask(filters: Iterable<string>, shapes: ReadonlyMap<string, number>): Map<string, Promise<Subscriber[]>> {
    const asked = new Map<string, Promise<Subscriber[]>>();
    for (const filter of new Set(filters)) {
      const revision = shapes.get(shapeOf(filter));
      if (this.cache.get(filter, revision)) continue;
      const answer = this.query(filter, revision ?? 0);
      answer.catch(() => undefined); // awaited later, or not needed at all
      asked.set(filter, answer);
    }
    return asked;
  }

  private async query(filter: string, revision: number): Promise<Subscriber[]> {
    const subscribers = await this.index.subscribers(filter);
    this.cache.set(filter, revision, subscribers);
    return subscribers;
  }

  /** An answer asked for before the list of shapes arrived is as good as one asked for now: both came after the message. */
  private async complete(
    filters: readonly string[],
    shapes: ReadonlyMap<string, number>,
    asked: Map<string, Promise<Subscriber[]>>,
  ): Promise<Map<string, readonly Subscriber[]>> {
    const more = this.ask(
      filters.filter((filter) => !asked.has(filter)),
      shapes,
    );
    const found = new Map<string, readonly Subscriber[]>();
    for (const filter of new Set(filters)) {
      const answer = asked.get(filter) ?? more.get(filter);
      found.set(filter, answer ? await answer : (this.cache.get(filter, shapes.get(shapeOf(filter))) ?? []));
    }
    return found;
  }
}
