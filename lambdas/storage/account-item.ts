import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Account, ScramCredentials } from '../access/accounts';
import type { Rule } from '../access/rule';
import { bytes, number, readBytes, readNumber, readText, text } from './attributes';
import type { Item } from './dynamo';

const user = 'user#';
const part = 'account';

export function accountKey(username: string): Item {
  return { id: text(user + username), part: text(part) };
}

/** True for the item of the account, false for other rows of the user. */
export function isAccount(item: Item): boolean {
  return readText(item.part) === part;
}

/**
 * Rules are stored as the JSON that the operator wrote. The writer has checked them; readers do not check them again.
 */
export function accountItem(account: Account): Item {
  const { username, passwordHash, scram, clientId, clientIdPrefix, rules, maxConnections } = account;
  return {
    ...accountKey(username),
    ...(passwordHash === undefined ? {} : { passwordHash: text(passwordHash) }),
    ...(scram === undefined ? {} : { scram: scramAttribute(scram) }),
    ...(clientId === undefined ? {} : { clientId: text(clientId) }),
    ...(clientIdPrefix === undefined ? {} : { clientIdPrefix: text(clientIdPrefix) }),
    rules: text(JSON.stringify(rules)),
    ...(maxConnections === undefined ? {} : { maxConnections: number(maxConnections) }),
  };
}

/**
 * Reads the account in an item.
 *
 * @throws Error that names the user when another program wrote an invalid item
 */
export function readAccount(item: Item): Account {
  const { passwordHash, scram, clientId, clientIdPrefix, maxConnections } = item;
  const username = readText(item.id).slice(user.length);
  return {
    username,
    ...(passwordHash ? { passwordHash: readText(passwordHash) } : {}),
    ...(scram?.M ? { scram: readScram(scram.M) } : {}),
    ...(clientId ? { clientId: readText(clientId) } : {}),
    ...(clientIdPrefix ? { clientIdPrefix: readText(clientIdPrefix) } : {}),
    rules: readRules(username, readText(item.rules)),
    ...(maxConnections ? { maxConnections: readNumber(maxConnections) } : {}),
  };
}

function scramAttribute({ salt, iterations, storedKey, serverKey }: ScramCredentials): AttributeValue {
  return {
    M: {
      salt: bytes(salt),
      iterations: number(iterations),
      storedKey: bytes(storedKey),
      serverKey: bytes(serverKey),
    },
  };
}

function readScram({ salt, iterations, storedKey, serverKey }: Item): ScramCredentials {
  return {
    salt: readBytes(salt),
    iterations: readNumber(iterations),
    storedKey: readBytes(storedKey),
    serverKey: readBytes(serverKey),
  };
}

function readRules(username: string, json: string): readonly Rule[] {
  const rules = parse(json);
  if (Array.isArray(rules)) return rules;
  throw new Error(`the rules of user ${JSON.stringify(username)} are no JSON list`);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
