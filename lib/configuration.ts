import type { Bridge } from '../lambdas/bridge/bridge-config';
import { brokerVariable, type FunctionName, functions, type Part } from '../lambdas/deployment';
import { settingVariables } from '../lambdas/settings';
import { accessBudget, accessVariableOf } from './access-variable';
import { bridgeOf, bridgeVariableOf } from './bridge-variable';
import type { BrokerOptions } from './options';

/** What options and the files that they name come to: which parts are deployed, and what each function is told. */
export class Configuration {
  /** What crosses to AWS IoT Core; absent where nothing does. */
  readonly bridge: Bridge | undefined;
  /** What of the deployment an operator may do without, and does not. */
  readonly parts: ReadonlySet<Part>;
  private readonly access: Record<string, string>;
  private readonly bridgeVariable: Record<string, string>;

  /** Throws an `Error` when a file cannot be read, is wrong, or is too large for the environment of the functions. */
  constructor(private readonly options: BrokerOptions) {
    this.access = accessVariableOf(options.accessFile);
    this.bridge = bridgeOf(options.bridgeFile, options.brokerName);
    this.bridgeVariable = bridgeVariableOf(this.bridge, roomBeside(this.access));
    this.parts = new Set([
      ...(this.bridge ? (['bridge'] as const) : []),
      ...(options.api === 'on' ? (['api'] as const) : []),
      ...(options.sysTopicsMinutes > 0 ? (['systemTopics'] as const) : []),
    ]);
  }

  /** Bytes that access and bridge have left in the environment of a function. */
  get room(): number {
    return roomBeside({ ...this.access, ...this.bridgeVariable });
  }

  environmentOf(name: FunctionName): Record<string, string> {
    return {
      ...settingVariables(this.options),
      [brokerVariable]: this.options.brokerName,
      ...(functions[name].access && this.access),
      ...(functions[name].bridge && this.bridgeVariable),
    };
  }
}

function roomBeside(variables: Record<string, string>): number {
  return accessBudget - Object.values(variables).join('').length;
}
