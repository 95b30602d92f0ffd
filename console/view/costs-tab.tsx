import { type Bill, type Costs, formatDollars } from '../model/costs';
import { useObserved } from './use-observed';

/** Bill of the local cloud, and the cost of each operation of this page. */
export function CostsTab({ costs }: { readonly costs: Costs }) {
  useObserved(costs);
  return (
    <div class="split scroll">
      {costs.error !== '' && (
        <p class="outcome bad" role="alert">
          {costs.error}
        </p>
      )}
      {costs.bill && <BillTable bill={costs.bill} />}
      <h3>Operations of this page</h3>
      <p class="muted">
        Each is measured when the broker is idle again, and includes concurrent operations of other clients. Prices of
        us-east-1, without free tiers.
      </p>
      <ol class="ledger" aria-label="Costs of operations">
        {costs.entries.map(({ number, operation, dollars, usage }) => (
          <li key={number}>
            <span class="topic cut">{operation}</span>
            <span class="number">{formatDollars(dollars)}</span>
            <span class="muted used">{usage}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function BillTable({ bill }: { readonly bill: Bill }) {
  const count = (number: number) => Math.round(number).toLocaleString('en');
  const { gateway, api, sqs, lambda, dynamodb } = bill;
  const rows: readonly (readonly [string, string, number])[] = [
    ['API Gateway', `${count(gateway.messagesIn)} frames in, ${count(gateway.messagesOut)} posts`, gateway.dollars],
    ['HTTP API', `${count(api.requests)} requests`, api.dollars],
    ['SQS', `${count(sqs.requests)} requests`, sqs.dollars],
    ['Lambda', `${count(lambda.invocations)} invocations`, lambda.dollars],
    ['DynamoDB', `${count(dynamodb.reads)} reads, ${count(dynamodb.writes)} writes`, dynamodb.dollars],
  ];
  return (
    <table class="bill">
      <caption>Since the start, all clients</caption>
      <tbody>
        {rows.map(([service, used, dollars]) => (
          <tr key={service}>
            <th scope="row">{service}</th>
            <td class="muted">{used}</td>
            <td class="number">{formatDollars(dollars)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Total, with other services</th>
          <td />
          <td class="number">{formatDollars(bill.dollars)}</td>
        </tr>
      </tfoot>
    </table>
  );
}
