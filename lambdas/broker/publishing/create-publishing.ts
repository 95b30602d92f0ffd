import type { Settings } from '../../settings';
import { Deliverer } from '../delivery/deliverer';
import type { WritingTurn } from '../model/retained-message';
import { Dispatch } from '../outbound/dispatch';
import type { OwnConnection } from '../outbound/outbox';
import type { Ports } from '../ports/ports';
import type { Router } from '../topic-index/router';
import { Publisher } from './publisher';
import { RetainedWriteWait } from './retained-write-wait';
import { RetainedWriter } from './retained-writer';

/** The invocation that publishes messages. */
export interface PublishingSource {
  readonly ports: Ports;
  readonly settings: Settings;
  readonly router: Router;
  /** The connection whose turn publishes; absent for a backend, a bridge and a fan-out job. */
  readonly stream?: OwnConnection;
  /** Returns the turn that will commit a frame, if one will: its retained writes are over when it has committed. */
  readonly writingTurn?: () => WritingTurn | undefined;
}

/** The collaborators that publish, deliver and send. One set serves one turn. */
export interface Publishing {
  readonly dispatch: Dispatch;
  readonly deliverer: Deliverer;
  readonly retainedWait: RetainedWriteWait;
  readonly publisher: Publisher;
}

/** Assembles the collaborators that publish messages. No other function constructs these classes. */
export function createPublishing({ ports, settings, router, stream, writingTurn }: PublishingSource): Publishing {
  const dispatch = new Dispatch({ ports, settings, ...(stream && { own: stream }) });
  const deliverer = new Deliverer({ ports, settings, dispatch });
  const retainedWait = new RetainedWriteWait(ports);
  const retainedWriter = new RetainedWriter({
    ...{ ports, settings, dispatch, retainedWait },
    ...(writingTurn && { turn: writingTurn }),
  });
  const publisher = new Publisher({ ports, settings, router, deliverer, retainedWriter });
  return { dispatch, deliverer, retainedWait, publisher };
}
