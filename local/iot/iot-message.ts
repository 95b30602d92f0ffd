/** A message in AWS IoT Core's data plane and rules. */
export interface IotMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly contentType?: string;
  readonly responseTopic?: string;
  /** In base64. */
  readonly correlationData?: string;
  readonly payloadFormat?: string;
  readonly userProperties?: readonly Readonly<Record<string, string>>[];
}
