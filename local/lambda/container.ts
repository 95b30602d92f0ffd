import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { FunctionName, FunctionSpec } from '../../lambdas/deployment';
import type { ContainerData, ContainerMessage, Invocation } from './container-messages';
import type { Network } from './network';

export interface ContainerProps {
  readonly name: FunctionName;
  readonly spec: FunctionSpec;
  /** Files of the thread's entry point and of the function's bundle. */
  readonly runtime: string;
  readonly bundle: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: SharedArrayBuffer;
  readonly network: Network;
  readonly log: (name: FunctionName, level: 'error' | 'info', text: string) => void;
}

interface Running {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

// Lambda: a container has 10 seconds to start.
const startSeconds = 10;

/** One execution environment: a thread with its own modules, environment and credentials. */
export class Container {
  /** Called once when the thread has ended for any reason. */
  onEnd: () => void = () => {};
  invocations = 0;
  alive = true;
  private readonly worker: Worker;
  private readonly wake = new SharedArrayBuffer(4);
  private readonly wakeups = new Int32Array(this.wake);
  private readonly ended: Promise<unknown>;
  private ready = false;
  private running: Running | undefined;
  private timeout: NodeJS.Timeout | undefined;
  private cause = 'the container ended';

  constructor(private readonly props: ContainerProps) {
    const network = props.network.connect();
    const workerData: ContainerData = { bundle: props.bundle, clock: props.clock, wake: this.wake, network };
    this.worker = new Worker(props.runtime, {
      workerData,
      transferList: [network.port],
      env: { ...props.environment },
      execArgv: [], // Options of this process do not apply to a bundle.
      resourceLimits: { maxOldGenerationSizeMb: props.spec.memoryMb },
    });
    this.worker.on('message', (message: ContainerMessage) => this.handle(message));
    this.worker.on('error', (error) => this.fail(error.stack ?? String(error)));
    this.ended = new Promise((resolve) => this.worker.once('exit', resolve));
    this.ended.then(() => this.end());
  }

  /** Runs one event. Rejects when the function throws, times out or its container dies. */
  invoke(event: unknown): Promise<unknown> {
    this.invocations += 1;
    return new Promise((resolve, reject) => {
      this.running = { resolve, reject };
      this.limit(this.ready ? this.props.spec.timeoutSeconds : startSeconds);
      this.worker.postMessage(this.invocation(event));
      Atomics.add(this.wakeups, 0, 1);
      Atomics.notify(this.wakeups, 0);
    });
  }

  /** Ends the thread, even during an invocation. */
  async kill(cause: string): Promise<void> {
    if (this.alive) this.cause = cause;
    this.alive = false;
    await this.worker.terminate();
    await this.ended;
  }

  private invocation(event: unknown): Invocation {
    const { name, spec } = this.props;
    return {
      event: JSON.stringify(event),
      requestId: randomUUID(),
      functionName: name,
      memoryMb: spec.memoryMb,
      timeoutSeconds: spec.timeoutSeconds,
    };
  }

  private limit(seconds: number): void {
    clearTimeout(this.timeout);
    this.timeout = setTimeout(() => {
      this.fail(`timed out after ${seconds} seconds`);
      this.kill('timeout');
    }, seconds * 1000);
  }

  private handle(message: ContainerMessage): void {
    switch (message.kind) {
      case 'ready':
        this.ready = true;
        if (this.running) this.limit(this.props.spec.timeoutSeconds);
        break;
      case 'result':
        this.logOutput(message.output);
        this.finish()?.resolve(JSON.parse(message.result));
        break;
      case 'error':
        this.logOutput(message.output);
        this.props.log(this.props.name, 'error', message.error);
        this.finish()?.reject(new Error(message.error));
        break;
      case 'log':
        this.props.log(this.props.name, message.level, message.text);
    }
  }

  private logOutput(output: readonly string[]): void {
    for (const line of output) this.props.log(this.props.name, 'info', line);
  }

  /** Returns the current invocation; undefined after the container was killed, when its result must not be used. */
  private finish(): Running | undefined {
    const running = this.alive ? this.running : undefined;
    if (running) this.running = undefined;
    clearTimeout(this.timeout);
    return running;
  }

  private fail(text: string): void {
    if (this.alive) {
      this.cause = text;
      this.props.log(this.props.name, 'error', text);
    }
    this.alive = false;
  }

  private end(): void {
    this.fail('ended before it answered: nothing was left to wait for'); // Unless another cause was set before.
    clearTimeout(this.timeout);
    this.running?.reject(new Error(this.cause));
    this.running = undefined;
    this.onEnd();
  }
}
