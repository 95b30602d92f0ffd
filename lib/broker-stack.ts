import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { constructId } from './by-name';
import { MqttBroker } from './mqtt-broker';
import type { BrokerOptions } from './options';

export interface BrokerStackProps extends StackProps {
  readonly options: BrokerOptions;
}

/** A stack with one broker, and its addresses as outputs. */
export class BrokerStack extends Stack {
  readonly broker: MqttBroker;

  constructor(scope: Construct, id: string, { options, ...props }: BrokerStackProps) {
    super(scope, id, { description: 'MQTT broker on API Gateway, SQS, Lambda and DynamoDB', ...props });
    // CDK leaves the id `Default` out of logical ids. Tables of releases before the construct existed therefore keep their logical
    // ids. With any other id an upgrade would replace them with empty tables.
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

/** Returns one output for each present value: `PacketsQueueUrl` for the queue `packets`. */
function named<Value>(
  suffix: string,
  values: Readonly<Record<string, Value | undefined>>,
  of: (value: Value) => string,
) {
  const present = Object.entries(values).filter((entry): entry is [string, Value] => entry[1] !== undefined);
  return Object.fromEntries(present.map(([name, value]) => [constructId(name) + suffix, of(value)]));
}
