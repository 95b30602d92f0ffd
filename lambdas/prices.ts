/** Prices in US dollars per unit: us-east-1, without free tiers. docs/cost.md has the source of each. */
export const prices = {
  gatewayMessage: 1.0e-6,
  connectionMinute: 0.25e-6,
  apiRequest: 1.0e-6,
  fifoRequest: 0.5e-6,
  standardRequest: 0.4e-6,
  lambdaRequest: 0.2e-6,
  lambdaGbSecond: 0.0000133334, // arm64
  readUnit: 0.125e-6,
  writeUnit: 0.625e-6,
  scheduledInvocation: 1.0e-6,
  iotMessage: 1.0e-6,
  iotRule: 0.15e-6,
  iotAction: 0.15e-6,
  event: 1.0e-6, // EventBridge: per 64 KB
  iotConnectionMinute: 0.08e-6,
  storageGb: 0.25, // DynamoDB, per month
  recoveryGb: 0.2, // point-in-time recovery, per month
  logGb: 0.5,
  metric: 0.3, // per month, like the next two
  alarmMetric: 0.1,
  dashboard: 3,
  keyRequest: 3.0e-6, // KMS
  transferGb: 0.09, // to the internet, first 10 TB of a month
  nanoHour: 0.0042, // EC2 t4g, Linux, on demand, like the next two
  microHour: 0.0084,
  smallHour: 0.0168,
  addressHour: 0.005, // a public IPv4 address
  volumeGb: 0.08, // EBS gp3, per month
} as const;
