/** Entry of the package for AWS CDK apps: `import { MqttBroker } from 'cirrus-mqtt'`. */
export type { OperationName } from '../lambdas/api/operations';
export type { FunctionName, QueueName } from '../lambdas/deployment';
export type { TableName } from '../lambdas/storage/schema';
export type { MetricName } from '../lambdas/telemetry/catalogue';
export { BrokerStack, type BrokerStackProps } from './broker-stack';
export {
  MqttBroker,
  /** @deprecated Use `MqttBroker`: the same class under its earlier name. */
  MqttBroker as MqttBridge,
  type MqttBrokerProps,
  /** @deprecated Use `MqttBrokerProps`: the same type under its earlier name. */
  type MqttBrokerProps as MqttBridgeProps,
} from './mqtt-broker';
export { type BrokerOptions, optionRules, readOptions } from './options';
