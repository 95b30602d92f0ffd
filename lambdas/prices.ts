/** Prices of us-east-1 in dollars, without free tiers: docs/cost.md says where each comes from. */
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
} as const;
