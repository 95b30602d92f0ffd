import { type Bill, type Costs, inDollars } from '../model/costs';
import { useObserved } from './use-observed';

/** What all of it would have cost on AWS, and what each thing that this page did has added. */
export function CostsTab({ costs }: { readonly costs: Costs }) {
  useObserved(costs);
  return (
    <div class="split scroll">
      {costs.trouble !== '' && (
        <p class="outcome bad" role="alert">
          {costs.trouble}
        </p>
      )}
      {costs.bill && <BillTable bill={costs.bill} />}
      <h3>What this page did</h3>
      <p class="muted">
        Each is measured when the broker has come to rest. What others do meanwhile is in it; prices are those of
        us-east-1, without free tiers.
      </p>
      <ol class="ledger" aria-label="Costs of operations">
        {costs.entries.map(({ number, what, dollars, used }) => (
          <li key={number}>
            <span class="topic cut">{what}</span>
            <span class="number">{inDollars(dollars)}</span>
            <span class="muted used">{used}</span>
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
      <caption>Since the start, all clients together</caption>
      <tbody>
        {rows.map(([service, used, dollars]) => (
          <tr key={service}>
            <th scope="row">{service}</th>
            <td class="muted">{used}</td>
            <td class="number">{inDollars(dollars)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">All, the rest included</th>
          <td />
          <td class="number">{inDollars(bill.dollars)}</td>
        </tr>
      </tfoot>
    </table>
  );
}
