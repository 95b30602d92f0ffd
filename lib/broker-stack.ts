import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { constructId } from './by-name';
import { MqttBroker } from './mqtt-broker';
import type { BrokerOptions } from './options';

export interface BrokerStackProps extends StackProps {
  readonly options: BrokerOptions;
}

/** One broker in a stack of its own, with the addresses that an operator needs as outputs. */
export class BrokerStack extends Stack {
  readonly broker: MqttBroker;

  constructor(scope: Construct, id: string, { options, ...props }: BrokerStackProps) {
    super(scope, id, { description: 'MQTT broker on API Gateway, SQS, Lambda and DynamoDB', ...props });
    // CDK leaves this id out of the names it gives to resources. Those of tables that were deployed before the broker
    // became a construct stay the same; under any other id an upgrade would put empty tables in their place.
    this.broker = new MqttBroker(this, 'Default', options);
    this.printAddresses();
  }

  private printAddresses(): void {
    const { url, webSocketStage, apiUrl, iotEndpoint, consoleUrl, tables, queues } = this.broker;
    const { schedule: _, ...deadLetters } = this.broker.deadLetters;
    const addresses = {
      BrokerUrl: url,
      CallbackUrl: webSocketStage.callbackUrl,
      ApiUrl: apiUrl,
      IotEndpoint: iotEndpoint,
      ConsoleUrl: consoleUrl,
      ...named('Table', tables, ({ tableName }) => tableName),
      ...named('QueueUrl', queues, ({ queueUrl }) => queueUrl),
      ...named('DeadLettersUrl', deadLetters, ({ queueUrl }) => queueUrl),
    };
    for (const [id, value] of Object.entries(addresses)) if (value !== undefined) new CfnOutput(this, id, { value });
  }
}

/** What there is of each, as `PacketsQueueUrl` for the queue `packets`. */
function named<Value>(
  suffix: string,
  values: Readonly<Record<string, Value | undefined>>,
  of: (value: Value) => string,
) {
  const present = Object.entries(values).filter((entry): entry is [string, Value] => entry[1] !== undefined);
  return Object.fromEntries(present.map(([name, value]) => [constructId(name) + suffix, of(value)]));
}
