import { setTimeout as sleep } from 'node:timers/promises';
import { type AwsCall, callerIn } from '../aws-call';
import type { DynamoDbUsage } from '../bill';
import { type CallFault, type ChanceMemory, firstCallFault, type Rule } from '../fault-rules';
import { Holds } from '../holds';
import { isAllowed, readOperations, writeOperations } from '../permissions';
import type { Backend, DynamoDbAnswer, DynamoDbRequest } from './backend';
import { halves } from './batch-halves';
import { takeCapacity } from './consumed-capacity';

export interface DynamoDbFrontProps {
  readonly backend: Backend;
  readonly memory: ChanceMemory;
  /** Deployed table name to the name in the schema. */
  readonly tableOf: (deployed: string) => string;
  readonly kill: (caller: string) => void;
  /** Milliseconds that each call takes longer than the backend. */
  readonly latency: number;
}

/** Prices every DynamoDB call, holds it to the deployed grants and lets faults strike it, whatever answers behind. */
export class DynamoDbFront {
  private currentRules: readonly Rule[] = [];
  private readonly holds = new Holds();
  usage: DynamoDbUsage = {};

  constructor(private readonly props: DynamoDbFrontProps) {}

  set rules(rules: readonly Rule[]) {
    this.currentRules = rules;
    this.holds.releaseExcept(rules);
  }

  /** The answer, or nothing when the caller was killed and must not hear any more. */
  async respond(request: DynamoDbRequest): Promise<DynamoDbAnswer | undefined> {
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

  private async hold(fault: CallFault & Rule, run: () => Promise<DynamoDbAnswer>): Promise<DynamoDbAnswer> {
    const early = fault.when === 'after' ? await run() : undefined;
    await this.holds.wait(fault);
    return early ?? run();
  }

  private applyFault(fault: CallFault, { caller }: AwsCall): DynamoDbAnswer | undefined {
    if (fault.outcome === 'throttle') return failure(400, 'ProvisionedThroughputExceededException');
    if (fault.outcome === 'fail') return failure(500, 'InternalServerError');
    this.props.kill(caller);
    return undefined;
  }

  /** DynamoDB: a batch that is throttled in part hands back what it did not do. */
  private async runHalf(call: AwsCall, request: DynamoDbRequest): Promise<DynamoDbAnswer> {
    const { done, left } = halves(JSON.parse(request.body));
    const answer = await this.run(call, { ...request, body: JSON.stringify(done) });
    if (answer.status !== 200) return answer;
    const unprocessed = call.operation === 'BatchGetItem' ? 'UnprocessedKeys' : 'UnprocessedItems';
    return { ...answer, body: JSON.stringify({ ...JSON.parse(answer.body), [unprocessed]: left }) };
  }

  private async run(call: AwsCall, request: DynamoDbRequest): Promise<DynamoDbAnswer> {
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

  /** A DynamoDB that cannot be reached is one that fails: callers try again, whichever way they came. */
  private async callBackend(request: DynamoDbRequest): Promise<DynamoDbAnswer> {
    try {
      if (this.props.latency > 0) await sleep(this.props.latency);
      return await this.props.backend(request);
    } catch (error) {
      return failure(500, 'InternalServerError', String(error));
    }
  }

  /** DynamoDB: a write whose condition failed is charged by the size of the item; the rows here are mostly below 1 KB. */
  private countRefusal({ operation, tables = [] }: AwsCall, answer: DynamoDbAnswer): void {
    const units = answer.body.includes('ConditionalCheckFailedException') ? 1 : 0;
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

/** Deployed names of the tables in a request. */
function deployedTables(body: string): string[] {
  const { TableName, RequestItems = {} } = JSON.parse(body) as { TableName?: string; RequestItems?: object };
  return TableName === undefined ? Object.keys(RequestItems) : [TableName];
}

function failure(status: number, name: string, message = `the local cloud answers with ${name}`): DynamoDbAnswer {
  return { status, body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message }) };
}
