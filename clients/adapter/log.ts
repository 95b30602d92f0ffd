/** Something an operator may want to read. Neither payloads nor passwords nor tokens are ever in it. */
export interface LogEntry {
  level: 'info' | 'warn';
  /** Number of the client's connection. */
  connection?: number;
  message: string;
  /** For programs that read the log. */
  details?: Readonly<Record<string, string | number>>;
}

export type Log = (entry: LogEntry) => void;

/** `#7 closed: client left` */
export function textLine({ connection, message }: LogEntry): string {
  return connection === undefined ? message : `#${connection} ${message}`;
}

/** One JSON object with the time of writing. */
export function jsonLine({ level, connection, message, details }: LogEntry): string {
  return JSON.stringify({ time: new Date().toISOString(), level, connection, message, ...details });
}
