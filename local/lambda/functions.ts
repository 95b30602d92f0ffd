import { functions as deployed, type FunctionName, type FunctionSpec } from '../../lambdas/deployment';
import type { Settings } from '../../lambdas/settings';
import { callerParts } from '../aws-call';
import type { Meter } from '../bill';
import { type Bundles, bundle } from '../bundles';
import type { LocalClock } from '../clock';
import type { CloudOptions } from '../cloud-options';
import { entriesOf, mapValues } from '../names';
import { Container } from './container';
import { ContainerPool } from './container-pool';
import { type CloudEnvironment, credentialsOf, environmentOf } from './environment';
import { logTo } from './log';
import type { Network } from './network';

export interface FunctionsProps {
  readonly options: CloudOptions;
  readonly settings: Settings;
  readonly clock: LocalClock;
  readonly meter: Meter;
  readonly network: Network;
  /** Called for each new container. */
  readonly environment: () => CloudEnvironment;
}

/** All functions of the broker, bundled as they are deployed, and their containers. */
export class Functions {
  readonly bundles: Bundles;
  readonly pools: { readonly [Name in FunctionName]: ContainerPool };
  private readonly specs: { readonly [Name in FunctionName]: FunctionSpec };

  constructor(private readonly props: FunctionsProps) {
    const { options, settings } = props;
    this.specs = mapValues(deployed, (spec, name) => ({ ...spec, ...options.functions?.[name] }));
    this.bundles = bundle(this.entryPoints(), settings);
    this.pools = mapValues(deployed, (_spec, name) => this.createPool(name));
  }

  get idle(): boolean {
    return this.allPools.every((pool) => pool.idle);
  }

  /** Kills the container with this access key id, if it is one. */
  killCaller(accessKeyId: string): void {
    const parts = callerParts(accessKeyId);
    if (parts) this.pools[parts.name].kill(parts.number);
  }

  /** Kills the containers of one function, or of all. */
  async kill(name?: FunctionName): Promise<void> {
    const pools = name === undefined ? this.allPools : [this.pools[name]];
    await Promise.all(pools.map((pool) => pool.kill()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.allPools.map((pool) => pool.stop()));
  }

  private get allPools(): readonly ContainerPool[] {
    return Object.values(this.pools);
  }

  /** Entry points of the functions that these options deploy. */
  private entryPoints(): { readonly [Name in FunctionName]?: string } {
    const { options, settings } = this.props;
    const absent = new Set([
      ...(options.bridge === undefined ? ['bridge'] : []),
      ...(settings.sysTopicsMinutes > 0 ? [] : ['systemTopics']),
    ]);
    const present = entriesOf(this.specs).filter(([, { part = '' }]) => !absent.has(part));
    return Object.fromEntries(present.map(([name, { entry }]) => [name, entry]));
  }

  private createPool(name: FunctionName): ContainerPool {
    const { options, meter, clock } = this.props;
    return new ContainerPool({
      name,
      size: options.containers ?? 2,
      create: (number) => this.createContainer(name, number),
      meter,
      clock,
      recycleInvocations: options.recycleInvocations ?? Number.POSITIVE_INFINITY,
      recycleIdleMinutes: options.recycleIdleMinutes ?? 30,
    });
  }

  private createContainer(name: FunctionName, number: number): Container {
    const { options, environment, clock, network } = this.props;
    return new Container({
      name,
      spec: this.specs[name],
      runtime: this.bundles.containerThread,
      bundle: this.bundles.functions[name] ?? '', // a function that is not deployed is never invoked
      environment: {
        ...environmentOf(name, this.specs[name], environment()),
        ...credentialsOf(name, number),
        ...options.environment,
      },
      clock: clock.shared,
      network,
      log: logTo({ sink: options.log, verbose: options.verbose }),
    });
  }
}
