/** The event that a packet came with. */
export interface Origin {
  readonly eventId: string;
  /** Id of the packet, which stays the same when its event is delivered again. */
  readonly id: string;
  readonly redelivered: boolean;
  /** Time at which the gateway received the event, milliseconds since 1970. */
  readonly receivedAt: number;
  /** Time at which API Gateway accepted the connection, milliseconds since 1970. */
  readonly connectedAt: number;
}
