import { expect, test } from '@jest/globals';
import { openAccess, readAccess } from '../../lambdas/access/read-access';
import { describeAccess } from '../../local/describe-access';

const issuer = { issuer: 'https://login.example', audience: 'app' };
const rule = { actions: ['subscribe'], topics: ['news/#'] };

test('the start says that everybody is let in, and how to change it', () => {
  expect(describeAccess(openAccess, undefined)).toBe(
    'Anybody may connect and do everything (this machine only); --access FILE closes it.',
  );
});

test.each([
  [{}, 'users ("cirrus-mqtt users --help" tells how to add one). Rules in it: 0.'],
  [{ users: false }, 'nobody. Rules in it: 0.'],
  [
    { users: false, issuers: [issuer], anonymous: 'by-rules', rules: [rule, rule] },
    'who has a token of https://login.example; anybody, to do what rules allow. Rules in it: 2.',
  ],
  [{ users: false, anonymous: 'everything' }, 'anybody, to do everything. Rules in it: 0.'],
])('the start describes %j', (access, said) => {
  expect(describeAccess(readAccess(access), 'my.json')).toBe(`Who may connect, by my.json: ${said}`);
});
