/** Returns milliseconds since 1970. */
export type Clock = () => number;

/** Writes one structured line. Fields never contain payloads, passwords or tokens. */
export type Log = (event: string, fields: Record<string, string | number | boolean>) => void;
