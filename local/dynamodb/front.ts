import type { DynamoDbUsage } from '../bill';
import { type CallFault, type ChanceMemory, callerIn, type Rule, strikingCallFault } from '../fault-rules';
import type { Backend, DynamoDbAnswer, DynamoDbRequest } from './backend';
import { halves } from './batch-halves';
import { takeCapacity } from './consumed-capacity';

export interface FrontProps {
  readonly backend: Backend;
  readonly memory: ChanceMemory;
  /** Deployed table name to the name in the schema. */
  readonly tableOf: (deployed: string) => string;
  readonly kill: (caller: string) => void;
}

interface Request {
  readonly TableName?: string;
  readonly RequestItems?: Record<string, unknown>;
}

const reading = new Set(['GetItem', 'BatchGetItem', 'Query', 'Scan']);
const writing = new Set(['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem']);

/** Prices every DynamoDB call and lets faults strike it, whatever answers behind. */
export class Front {
  rules: readonly Rule[] = [];
  usage: DynamoDbUsage = {};

  constructor(private readonly props: FrontProps) {}

  /** The answer, or nothing when the caller was killed and must not hear any more. */
  async answer(request: DynamoDbRequest): Promise<DynamoDbAnswer | undefined> {
    const operation = request.target.slice(request.target.indexOf('.') + 1);
    const fault = this.fault(operation, request);
    if (!fault) return this.run(operation, request);
    if (fault.outcome === 'partial') return this.runHalf(operation, request);
    if (fault.when === 'after') await this.run(operation, request);
    return this.struck(fault, request);
  }

  private fault(operation: string, { body, authorization }: DynamoDbRequest): CallFault | undefined {
    if (this.rules.length === 0) return undefined;
    const tables = deployedTables(JSON.parse(body)).map(this.props.tableOf);
    const caller = callerIn(authorization);
    return strikingCallFault(this.rules, this.props.memory, { service: 'dynamodb', operation, tables, caller });
  }

  private struck(fault: CallFault, request: DynamoDbRequest): DynamoDbAnswer | undefined {
    if (fault.outcome === 'throttle') return failure(400, 'ProvisionedThroughputExceededException');
    if (fault.outcome === 'fail') return failure(500, 'InternalServerError');
    this.props.kill(callerIn(request.authorization));
    return undefined;
  }

  /** DynamoDB: a batch that is throttled in part hands back what it did not do. */
  private async runHalf(operation: string, request: DynamoDbRequest): Promise<DynamoDbAnswer> {
    const { done, left } = halves(JSON.parse(request.body));
    const answer = await this.run(operation, { ...request, body: JSON.stringify(done) });
    if (answer.status !== 200) return answer;
    const unprocessed = operation === 'BatchGetItem' ? 'UnprocessedKeys' : 'UnprocessedItems';
    return { ...answer, body: JSON.stringify({ ...JSON.parse(answer.body), [unprocessed]: left }) };
  }

  private async run(operation: string, request: DynamoDbRequest): Promise<DynamoDbAnswer> {
    if (!reading.has(operation) && !writing.has(operation)) return this.props.backend(request);
    const asked = request.body.includes('"ReturnConsumedCapacity"');
    const answer = await this.props.backend(asked ? request : { ...request, body: askForCapacity(request.body) });
    if (answer.status !== 200) {
      this.countRefusal(operation, request, answer);
      return answer;
    }
    const { capacities, body } = takeCapacity(answer.body);
    for (const { TableName, CapacityUnits } of capacities) this.count(operation, TableName, CapacityUnits);
    return asked ? answer : { status: answer.status, body };
  }

  /** DynamoDB: a write whose condition failed is charged by the size of the item; the rows here are mostly below 1 KB. */
  private countRefusal(operation: string, { body }: DynamoDbRequest, answer: DynamoDbAnswer): void {
    const units = answer.body.includes('ConditionalCheckFailedException') ? 1 : 0;
    for (const table of deployedTables(JSON.parse(body))) this.count(operation, table, units);
  }

  private count(operation: string, deployed: string, units: number): void {
    const table = this.props.tableOf(deployed);
    this.usage[table] ??= {};
    this.usage[table][operation] ??= { calls: 0, reads: 0, writes: 0 };
    const used = this.usage[table][operation];
    used.calls += 1;
    if (reading.has(operation)) used.reads += units;
    else used.writes += units;
  }
}

function askForCapacity(body: string): string {
  return `{"ReturnConsumedCapacity":"TOTAL",${body.slice(body.indexOf('{') + 1)}`;
}

function deployedTables({ TableName, RequestItems }: Request): string[] {
  return TableName === undefined ? Object.keys(RequestItems ?? {}) : [TableName];
}

function failure(status: number, name: string): DynamoDbAnswer {
  const error = { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'a fault of the local cloud' };
  return { status, body: JSON.stringify(error) };
}
