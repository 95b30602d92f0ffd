import { setTimeout as sleep } from 'node:timers/promises';
import { type AwsCall, callerIn } from '../aws-call';
import type { DynamoDbUsage } from '../bill';
import { type CallFault, type ChanceMemory, firstCallFault, type Rule } from '../fault-rules';
import { Holds } from '../holds';
import { isAllowed, readOperations, writeOperations } from '../permissions';
import type { Backend, DynamoDbRequest, DynamoDbResponse } from './backend';
import { halves } from './batch-halves';
import { takeCapacity } from './consumed-capacity';

export interface DynamoDbFrontProps {
  readonly backend: Backend;
  readonly memory: ChanceMemory;
  /** Converts a deployed table name to its name in the schema. */
  readonly tableOf: (deployed: string) => string;
  readonly kill: (caller: string) => void;
  /** Milliseconds added to each call. */
  readonly latency: number;
}

/** Meters every DynamoDB call, checks the permissions of its caller and applies faults, for any backend. */
export class DynamoDbFront {
  private currentRules: readonly Rule[] = [];
  private readonly holds = new Holds();
  usage: DynamoDbUsage = {};

  constructor(private readonly props: DynamoDbFrontProps) {}

  set rules(rules: readonly Rule[]) {
    this.currentRules = rules;
    this.holds.releaseExcept(rules);
  }

  /** Returns the response; undefined when the caller was killed and must not receive one. */
  async respond(request: DynamoDbRequest): Promise<DynamoDbResponse | undefined> {
    const call = this.call(request);
    if (!isAllowed(call)) return failure(400, 'AccessDeniedException');
    const fault = firstCallFault(this.currentRules, this.props.memory, call);
    if (!fault) return this.run(call, request);
    if (fault.outcome === 'partial') return this.runHalf(call, request);
    if (fault.outcome === 'hold') return this.hold(fault, () => this.run(call, request));
    if (fault.when === 'after') await this.run(call, request);
    return this.applyFault(fault, call);
  }

  private call({ target, body, authorization }: DynamoDbRequest): AwsCall {
    const operation = target.slice(target.indexOf('.') + 1);
    const tables = deployedTables(body).map(this.props.tableOf);
    return { service: 'dynamodb', operation, tables, caller: callerIn(authorization) };
  }

  private async hold(fault: CallFault & Rule, run: () => Promise<DynamoDbResponse>): Promise<DynamoDbResponse> {
    const early = fault.when === 'after' ? await run() : undefined;
    await this.holds.wait(fault);
    return early ?? run();
  }

  private applyFault(fault: CallFault, { caller }: AwsCall): DynamoDbResponse | undefined {
    if (fault.outcome === 'throttle') return failure(400, 'ProvisionedThroughputExceededException');
    if (fault.outcome === 'fail') return failure(500, 'InternalServerError');
    this.props.kill(caller);
    return undefined;
  }

  /** DynamoDB: a batch that is partly throttled returns the requests that it did not process. */
  private async runHalf(call: AwsCall, request: DynamoDbRequest): Promise<DynamoDbResponse> {
    const { done, left } = halves(JSON.parse(request.body));
    const response = await this.run(call, { ...request, body: JSON.stringify(done) });
    if (response.status !== 200) return response;
    const unprocessed = call.operation === 'BatchGetItem' ? 'UnprocessedKeys' : 'UnprocessedItems';
    return { ...response, body: JSON.stringify({ ...JSON.parse(response.body), [unprocessed]: left }) };
  }

  private async run(call: AwsCall, request: DynamoDbRequest): Promise<DynamoDbResponse> {
    const { operation } = call;
    if (!readOperations.has(operation) && !writeOperations.has(operation)) return this.callBackend(request);
    const input = JSON.parse(request.body) as object;
    const isRequested = 'ReturnConsumedCapacity' in input;
    const metered = JSON.stringify({ ReturnConsumedCapacity: 'TOTAL', ...input });
    const response = await this.callBackend({ ...request, body: metered });
    if (response.status !== 200) {
      this.countRefusal(call, response);
      return response;
    }
    const { capacities, body } = takeCapacity(response.body);
    for (const { TableName, CapacityUnits } of capacities) {
      this.count(operation, this.props.tableOf(TableName), CapacityUnits);
    }
    return isRequested ? response : { status: response.status, body };
  }

  /** Treats a DynamoDB that cannot be reached as one that fails, so that callers retry. */
  private async callBackend(request: DynamoDbRequest): Promise<DynamoDbResponse> {
    try {
      if (this.props.latency > 0) await sleep(this.props.latency);
      return await this.props.backend(request);
    } catch (error) {
      return failure(500, 'InternalServerError', String(error));
    }
  }

  /**
   * DynamoDB charges a write with a failed condition by the size of the item; the items of the broker are mostly below
   * 1 KB.
   */
  private countRefusal({ operation, tables = [] }: AwsCall, response: DynamoDbResponse): void {
    const units = response.body.includes('ConditionalCheckFailedException') ? 1 : 0;
    for (const table of tables) this.count(operation, table, units);
  }

  private count(operation: string, table: string, units: number): void {
    this.usage[table] ??= {};
    this.usage[table][operation] ??= { calls: 0, reads: 0, writes: 0 };
    const used = this.usage[table][operation];
    used.calls += 1;
    if (readOperations.has(operation)) used.reads += units;
    else used.writes += units;
  }
}

/** Returns the deployed names of the tables in a request. */
function deployedTables(body: string): string[] {
  const { TableName, RequestItems = {} } = JSON.parse(body) as { TableName?: string; RequestItems?: object };
  return TableName === undefined ? Object.keys(RequestItems) : [TableName];
}

function failure(status: number, name: string, message = `the local cloud answers with ${name}`): DynamoDbResponse {
  return { status, body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message }) };
}
