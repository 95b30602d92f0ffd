import { Worker } from 'node:worker_threads';
import type { DynamoDbUsage } from '../bill';
import type { Rule } from '../fault-rules';
import type { DynamoDb, StartedDynamoDb } from './dynamodb';
import type { DynamoDbData, DynamoDbMessage, DynamoDbOrder } from './dynamodb-messages';

function cannotOpen(path: string, error: Error): Error {
  return new Error(`${path} cannot be opened (${error.message}); is another local cloud using it?`);
}

/**
 * DynamoDB in a thread of its own, for a database in a folder: dynalite releases the folder only when its thread ends.
 */
export class DynamoDbInThread implements DynamoDb {
  private readonly waiting: ((usage: DynamoDbUsage) => void)[] = [];
  private readonly ended: Promise<unknown>;
  private ready = false;

  private constructor(
    private readonly worker: Worker,
    private readonly kill: (caller: string) => void,
  ) {
    this.ended = new Promise((resolve) => worker.once('exit', resolve));
  }

  /** Resolves when the tables exist and the endpoint listens. */
  static start(thread: string, data: DynamoDbData, kill: (caller: string) => void): Promise<StartedDynamoDb> {
    const worker = new Worker(thread, { workerData: data, execArgv: [] });
    const dynamoDb = new DynamoDbInThread(worker, kill);
    return new Promise((resolve, reject) => {
      worker.on('error', (error) => {
        if (dynamoDb.ready) throw error; // The cloud cannot continue without a database.
        reject(data.path === undefined ? error : cannotOpen(data.path, error));
      });
      worker.on('message', (message: DynamoDbMessage) => {
        if (message.kind === 'ready') resolve({ dynamoDb, endpoint: `http://127.0.0.1:${message.port}` });
        if (message.kind === 'failed') worker.terminate().then(() => reject(new Error(message.error)));
        dynamoDb.handle(message);
      });
    });
  }

  async setRules(rules: readonly Rule[]): Promise<void> {
    await this.order({ kind: 'rules', rules });
  }

  usage(): Promise<DynamoDbUsage> {
    return this.order({ kind: 'usage' });
  }

  async reset(): Promise<void> {
    await this.order({ kind: 'reset' });
  }

  async stop(): Promise<void> {
    await this.worker.terminate();
    await this.ended;
  }

  private order(order: DynamoDbOrder): Promise<DynamoDbUsage> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.worker.postMessage(order);
    });
  }

  private handle(message: DynamoDbMessage): void {
    if (message.kind === 'ready') this.ready = true;
    if (message.kind === 'kill') this.kill(message.caller);
    if (message.kind === 'done') this.waiting.shift()?.(message.usage);
  }
}
