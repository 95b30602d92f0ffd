/** A log entry for operators. It never contains payloads, passwords or tokens. */
export interface LogEntry {
  level: 'info' | 'warn';
  /** Number of the client's connection. */
  connection?: number;
  message: string;
  /** Structured fields for programs that read the log. */
  details?: Readonly<Record<string, string | number>>;
}

export type Log = (entry: LogEntry) => void;

/** `#7 closed: client left` */
export function textLine({ connection, message }: LogEntry): string {
  return connection === undefined ? message : `#${connection} ${message}`;
}

/** The entry as a JSON object, with the current time. */
export function jsonLine({ level, connection, message, details }: LogEntry): string {
  return JSON.stringify({ time: new Date().toISOString(), level, connection, message, ...details });
}
