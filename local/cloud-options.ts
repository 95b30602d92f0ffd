import type { FunctionName, FunctionSpec } from '../lambdas/deployment';
import type { Settings } from '../lambdas/settings';
import type { LogSink } from './lambda/log';
import type { Observer } from './lambda/network';

export interface CloudOptions {
  /** Port of the gateway, the AWS calls and the control API; a free one if absent or 0. */
  readonly port?: number;
  /** Folder that keeps tables, queues and connections over a restart; in memory if absent. */
  readonly data?: string;
  /** DynamoDB endpoint to use instead of the embedded one. */
  readonly dynamodb?: string;
  /** Milliseconds added to each DynamoDB call; 0 if absent. */
  readonly dynamodbLatency?: number;
  /** Maximum number of containers per function; 2 if absent. */
  readonly containers?: number;
  readonly settings?: Partial<Settings>;
  /** Access configuration as JSON; everybody may do everything if absent. */
  readonly access?: unknown;
  /** Bridge configuration for an imitated AWS IoT Core, as JSON; no bridge if absent. */
  readonly bridge?: unknown;
  /** Port of the imitated AWS IoT Core for MQTT clients; a free one if absent or 0. */
  readonly iotPort?: number;
  /** Configuration of events for EventBridge, as JSON; no events if absent. */
  readonly events?: unknown;
  /** Additional environment variables of every function. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Entry points, timeouts or memory that replace the deployed ones, for tests. */
  readonly functions?: { readonly [Name in FunctionName]?: Partial<FunctionSpec> };
  /** Visibility timeout of all queues; the deployed ones if absent. */
  readonly visibilitySeconds?: number;
  /** Seconds until API Gateway closes an idle connection (600 if absent) and any connection (7200). */
  readonly idleSeconds?: number;
  readonly ageSeconds?: number;
  /** Bytes that may wait for a client before posts to it are throttled. */
  readonly bufferBytes?: number;
  /** A container ends after so many invocations, or so many minutes without one. */
  readonly recycleInvocations?: number;
  readonly recycleIdleMinutes?: number;
  /** Seed of the random faults. */
  readonly seed?: number;
  /** True to show all log lines of the functions, false for errors only. */
  readonly verbose?: boolean;
  /** Folder of the built console, which is served at `/`; no page if absent. */
  readonly console?: string;
  /**
   * Origins of web pages that may use the cloud, besides its console; any page of this machine may connect to the
   * gateway. In the format of the Origin header; `http://localhost:*` stands for any port, `*` for any page.
   */
  readonly allowOrigins?: readonly string[];
  /** Host names of the cloud besides those of the loopback interface. */
  readonly allowHosts?: readonly string[];
  /** Receives log lines; standard error if absent. */
  readonly log?: LogSink;
  /** Receives the calls of containers to the imitated services, for tests. */
  readonly observe?: Observer;
}
