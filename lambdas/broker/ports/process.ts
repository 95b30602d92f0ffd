/** Milliseconds since 1970. */
export type Clock = () => number;

/** One structured line. Never payloads, passwords or tokens. */
export type Log = (event: string, fields: Record<string, string | number | boolean>) => void;
