/** Where a packet came from. */
export interface Origin {
  readonly eventId: string;
  /** Identity of the packet: the same when its event is delivered again. */
  readonly id: string;
  readonly redelivered: boolean;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** When API Gateway accepted the connection, milliseconds since 1970. */
  readonly connectedAt: number;
}
