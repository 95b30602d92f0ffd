import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Item } from './dynamo';
import type { TableName } from './schema';

/** Schema versions of a table: the one that this release writes, and the newest that it reads. */
interface SupportedVersions {
  readonly written: number;
  readonly read: number;
}

/**
 * Each item carries the number of its schema version; items without a number have version 1. An attribute that older
 * releases may ignore does not change the version. One that they would misread changes it in two releases: the first
 * raises `read`, the next raises `written`. So every release can be rolled back, and old and new containers can work
 * side by side.
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

/**
 * A later release has written an item that this one would misread. The current work fails, and its queue keeps it for
 * that release.
 */
export class NewerSchemaVersionError extends Error {
  constructor(table: TableName, version: number) {
    super(
      `an item of table ${table} has schema version ${version}, but this release reads versions up to ${schemaVersions[table].read}: ` +
        'deploy the release that wrote it, or a later one',
    );
    this.name = 'NewerSchemaVersionError';
  }
}

/** Returns the version that this release writes, as an attribute; with its name `v` it takes three bytes of an item. */
export function writtenVersion(table: TableName): { readonly v: AttributeValue } {
  return { v: { N: String(schemaVersions[table].written) } };
}

/** Returns the newest version that this release reads. */
export function newestVersion(table: TableName): AttributeValue {
  return { N: String(schemaVersions[table].read) };
}

/** @throws NewerSchemaVersionError */
export function checkVersion(table: TableName, item: Item): void {
  if (!isKnownVersion(table, item)) throw new NewerSchemaVersionError(table, versionOf(item));
}

/** True when this release can read an item. */
export function isKnownVersion(table: TableName, item: Item): boolean {
  return versionOf(item) <= schemaVersions[table].read;
}

function versionOf({ v }: Item): number {
  return Number(v?.N ?? 1);
}
