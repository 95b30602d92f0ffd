import { randomUUID } from 'node:crypto';
import type { LocalClock } from '../clock';
import type { ContainerPool } from './container-pool';

export interface AsyncInvocationsProps {
  readonly pool: ContainerPool;
  readonly clock: LocalClock;
  /** Receives the failure record of Lambda after the last attempt. */
  readonly onFailure: (record: object) => void;
}

/** Lambda: two more attempts, after one minute and after two more. */
const pauses = [60_000, 120_000];

/** Asynchronous invocations of a function. */
export class AsyncInvocations {
  private running = 0;

  constructor(private readonly props: AsyncInvocationsProps) {}

  get idle(): boolean {
    return this.running === 0;
  }

  async invoke(event: object, attempt = 1): Promise<void> {
    this.running += 1;
    try {
      await this.props.pool.invoke(event);
    } catch (error) {
      this.retry(event, attempt, error as Error);
    } finally {
      this.running -= 1;
    }
  }

  private retry(event: object, attempt: number, error: Error): void {
    const pause = pauses[attempt - 1];
    if (pause !== undefined) {
      this.props.clock.after(pause, () => this.invoke(event, attempt + 1));
      return;
    }
    this.props.onFailure({
      version: '1.0',
      timestamp: new Date(this.props.clock.now()).toISOString(),
      requestContext: { requestId: randomUUID(), condition: 'RetriesExhausted', approximateInvokeCount: attempt },
      requestPayload: event,
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      responsePayload: { errorMessage: error.message },
    });
  }
}
