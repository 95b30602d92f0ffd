import type { FunctionName, FunctionSpec } from '../lambdas/deployment';
import type { Settings } from '../lambdas/settings';
import type { LogSink } from './lambda/log';
import type { Observer } from './lambda/network';

export interface CloudOptions {
  /** Port of gateway, AWS calls and control interface; a free one if absent or 0. */
  readonly port?: number;
  /** Folder that keeps tables, queues and connections over a restart; in memory if absent. */
  readonly data?: string;
  /** DynamoDB endpoint instead of the embedded one. */
  readonly dynamodb?: string;
  /** Milliseconds that each DynamoDB call takes longer than the endpoint does; 0 if absent. */
  readonly dynamodbLatency?: number;
  /** Containers per function, at most; 2 if absent. */
  readonly containers?: number;
  readonly settings?: Partial<Settings>;
  /** Who may come in and what each may do, as JSON; everybody may do everything if absent. */
  readonly access?: unknown;
  /** What crosses to and from an imitated AWS IoT Core, as JSON; there is none if absent. */
  readonly bridge?: unknown;
  /** Port of that for MQTT clients; a free one if absent or 0. */
  readonly iotPort?: number;
  /** What is told to EventBridge, as JSON; nothing if absent. */
  readonly events?: unknown;
  /** Variables that every function sees besides its own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Other entry points, timeouts or memory than the deployed ones, for tests. */
  readonly functions?: { readonly [Name in FunctionName]?: Partial<FunctionSpec> };
  /** Visibility timeout of all queues, instead of the deployed ones. */
  readonly visibilitySeconds?: number;
  /** API Gateway: 600 and 7200. */
  readonly idleSeconds?: number;
  readonly ageSeconds?: number;
  /** Bytes that may wait for a client before posts to it are throttled. */
  readonly bufferBytes?: number;
  /** Containers end after so many invocations, or so many minutes without one. */
  readonly recycleInvocations?: number;
  readonly recycleIdleMinutes?: number;
  /** Seed of the faults' luck. */
  readonly seed?: number;
  /** Whether the functions' own log lines are shown, or errors only. */
  readonly verbose?: boolean;
  /** Folder of the built console, which is served at `/`; no page is if absent. */
  readonly console?: string;
  /**
   * Origins of web pages that may use the cloud, besides its console; any page of this machine may connect to the gateway.
   * As browsers write them; `http://localhost:*` is any port, `*` any page.
   */
  readonly allowOrigins?: readonly string[];
  /** What the cloud is called besides the names of the loopback. */
  readonly allowHosts?: readonly string[];
  /** Where log lines go; standard error if absent. */
  readonly log?: LogSink;
  /** Is told of what containers ask of the imitated services, for tests. */
  readonly observe?: Observer;
}
