/** What an app of AWS CDK has from this package: `import { MqttBridge } from 'cirrus-mqtt'`. */
export type { OperationName } from '../lambdas/api/operations';
export type { FunctionName, QueueName } from '../lambdas/deployment';
export type { TableName } from '../lambdas/storage/schema';
export type { MetricName } from '../lambdas/telemetry/catalogue';
export { BrokerStack, type BrokerStackProps } from './broker-stack';
export { MqttBroker, type MqttBrokerProps } from './mqtt-bridge';
export { type BrokerOptions, optionRules, readOptions } from './options';
