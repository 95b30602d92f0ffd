import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Item } from './dynamo';
import type { TableName } from './schema';

/** Which form of its items this release writes into a table, and up to which it can read. */
interface SupportedVersions {
  readonly written: number;
  readonly read: number;
}

/**
 * A form is a number that each item carries; 1 is what carries none. An attribute that older releases may overlook changes no form.
 * One that they would misread does, in two releases: the first raises `read`, the next `written`. So a release can always be taken
 * back, and old and new containers can always work side by side.
 */
export const schemaVersions: { readonly [Table in TableName]: SupportedVersions } = {
  connections: { written: 2, read: 2 },
  sessions: { written: 2, read: 2 },
  topicIndex: { written: 2, read: 2 },
  retained: { written: 2, read: 2 },
  inflight: { written: 2, read: 2 },
  accounts: { written: 2, read: 2 },
  logins: { written: 1, read: 1 },
};

/** A later release wrote what this one would misread. Whatever is at hand fails, and its queue keeps it for that release. */
export class NewerSchemaVersionError extends Error {
  constructor(table: TableName, version: number) {
    super(
      `an item of table ${table} has schema version ${version}, but this release reads versions up to ${schemaVersions[table].read}: ` +
        'deploy the release that wrote it, or a later one',
    );
    this.name = 'NewerSchemaVersionError';
  }
}

/** The form that this release writes, as an attribute: three bytes of an item with its name, `v`. */
export function writtenVersion(table: TableName): { readonly v: AttributeValue } {
  return { v: { N: String(schemaVersions[table].written) } };
}

/** The newest form that this release reads. */
export function newestVersion(table: TableName): AttributeValue {
  return { N: String(schemaVersions[table].read) };
}

/** @throws NewerSchemaVersionError */
export function checkVersion(table: TableName, item: Item): void {
  if (!isKnownVersion(table, item)) throw new NewerSchemaVersionError(table, versionOf(item));
}

/** Whether this release can read an item. */
export function isKnownVersion(table: TableName, item: Item): boolean {
  return versionOf(item) <= schemaVersions[table].read;
}

function versionOf({ v }: Item): number {
  return Number(v?.N ?? 1);
}
