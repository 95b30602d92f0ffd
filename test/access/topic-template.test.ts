// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of rules are written so
import { describe, expect, test } from '@jest/globals';
import type { Subject } from '../../lambdas/access/rule-permissions';
import { fillTemplate } from '../../lambdas/access/topic-template';

const alice: Subject = {
  kind: 'token',
  clientId: 'lamp-7',
  username: 'alice',
  claims: { tenant: 'acme', 'urn:a/b': 'x' },
};

/** The three kinds of variables with values of the client. */
const ways: [variable: string, saying: (value: string | undefined) => Subject][] = [
  ['${clientId}', (value) => ({ kind: 'anonymous', clientId: value ?? '' })],
  ['${username}', (value) => ({ kind: 'user', clientId: 'c', ...(value !== undefined && { username: value }) })],
  ['${claim.t}', (value) => ({ kind: 'token', clientId: 'c', claims: { ...(value !== undefined && { t: value }) } })],
];

describe('fillTemplate', () => {
  test.each([
    ['devices/${clientId}/#', 'devices/lamp-7/#'],
    ['${username}/${username}', 'alice/alice'],
    ['${claim.tenant}/${clientId}-state', 'acme/lamp-7-state'],
    ['by-claim/${claim.urn:a/b}', 'by-claim/x'],
    ['$SYS/clients/${clientId}', '$SYS/clients/lamp-7'],
    ['+/$/{clientId}', '+/$/{clientId}'],
  ])('%s becomes %s', (template, filter) => {
    expect(fillTemplate(template, alice)).toEqual({ filter, complete: true, anyFirstLevel: false });
  });

  test('a level with a missing value becomes +, the others are unchanged', () => {
    const nobody: Subject = { kind: 'anonymous', clientId: 'lamp-7' };

    expect(fillTemplate('users/of-${username}/${clientId}', nobody)).toEqual({
      filter: 'users/+/lamp-7',
      complete: false,
      anyFirstLevel: false,
    });
  });

  test.each(['constructor', '__proto__', 'toString'])('%s is not a claim unless the token has it', (name) => {
    expect(fillTemplate(`a/\${claim.${name}}`, alice).complete).toBe(false);
    expect(fillTemplate(`a/\${claim.${name}}`, { clientId: 'c' }).complete).toBe(false);
  });
});

describe.each(ways)('the value of a client for %s', (variable, saying) => {
  test.each([undefined, '', 'a/b', '/', '+', '#', 'a+', 'a#', '\0', 'a\0'])('fills no level when it is %j', (value) => {
    expect(fillTemplate(`a/${variable}/b`, saying(value))).toEqual({
      filter: 'a/+/b',
      complete: false,
      anyFirstLevel: false,
    });
  });

  test.each(['$SYS', '$share', '$', '$x'])('does not begin a filter with %s', (value) => {
    expect(fillTemplate(`${variable}/#`, saying(value))).toEqual({
      filter: '+/#',
      complete: false,
      anyFirstLevel: true,
    });
  });

  test.each(['SYS', 'share', 'x'])('does not complete a leading $ with %s', (value) => {
    expect(fillTemplate(`$${variable}/#`, saying(value)).complete).toBe(false);
    expect(fillTemplate(`$S${variable}/#`, saying(value)).complete).toBe(false);
  });

  test('may begin a later level with $', () => {
    expect(fillTemplate(`a/${variable}`, saying('$x')).filter).toBe('a/$x');
  });

  test.each(['${clientId}', '${username}', '$&', '$1', '$`', '\\', '{', '}', ' ', 'é', '..'])(
    'is inserted as it stands: %s',
    (value) => {
      expect(fillTemplate(`a/${variable}/b`, saying(value))).toEqual({
        filter: `a/${value}/b`,
        complete: true,
        anyFirstLevel: false,
      });
    },
  );
});
