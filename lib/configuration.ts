import type { Bridge } from '../lambdas/bridge/bridge-config';
import { brokerVariable, type FunctionName, functions, type Part } from '../lambdas/deployment';
import { settingVariables } from '../lambdas/settings';
import { accessVariableOf, configurationBudget } from './access-variable';
import { bridgeOf, bridgeVariableOf } from './bridge-variable';
import type { BrokerOptions } from './options';

/** The configuration that follows from options and their files: the deployed parts, and the environment of each function. */
export class Configuration {
  /** Topics bridged with AWS IoT Core; undefined without a bridge file. */
  readonly bridge: Bridge | undefined;
  /** Optional parts of the deployment that are enabled. */
  readonly parts: ReadonlySet<Part>;
  private readonly accessVariable: Record<string, string>;
  private readonly bridgeVariable: Record<string, string>;

  /** @throws Error if a file cannot be read, is invalid, or does not fit into the environment of the functions */
  constructor(private readonly options: BrokerOptions) {
    this.accessVariable = accessVariableOf(options.accessFile);
    this.bridge = bridgeOf(options.bridgeFile, options.brokerName);
    this.bridgeVariable = bridgeVariableOf(this.bridge, remainingBeside(this.accessVariable));
    this.parts = new Set([
      ...(this.bridge ? (['bridge'] as const) : []),
      ...(options.api === 'on' ? (['api'] as const) : []),
      ...(options.sysTopicsMinutes > 0 ? (['systemTopics'] as const) : []),
    ]);
  }

  /** Bytes that access and bridge configuration leave in the environment of a function. */
  get remainingBytes(): number {
    return remainingBeside({ ...this.accessVariable, ...this.bridgeVariable });
  }

  environmentOf(name: FunctionName): Record<string, string> {
    return {
      ...settingVariables(this.options),
      [brokerVariable]: this.options.brokerName,
      ...(functions[name].access && this.accessVariable),
      ...(functions[name].bridge && this.bridgeVariable),
    };
  }
}

function remainingBeside(variables: Record<string, string>): number {
  return configurationBudget - Object.values(variables).join('').length;
}
