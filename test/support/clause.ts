import { test } from '@jest/globals';

/** A test named for the clause it proves: `MQTT-…` is a clause of MQTT 5.0, `v3 MQTT-…` one of MQTT 3.1.1. */
export function clause(id: string, statement: string, body: () => void | Promise<void>): void {
  test(`[${id}] ${statement}`, body);
}
