import { test } from '@jest/globals';

/** Defines a test that proves clauses: `MQTT-…` is a clause of MQTT 5.0, `v3 MQTT-…` one of MQTT 3.1.1. */
export function clause(ids: string | readonly string[], statement: string, body: () => void | Promise<void>): void {
  test(
    `${[ids]
      .flat()
      .map((id) => `[${id}] `)
      .join('')}${statement}`,
    body,
  );
}
