// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of rules are written so
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { explainCommand } from '../../../cli/commands/explain';
import { readRules } from '../../../lambdas/access/read-rules';
import { DynamoAccountDirectory } from '../../../lambdas/storage/account-directory';
import { run } from '../../clients/support/command-runs';
import { TestCloud } from '../../local/support';
import { naming } from '../naming';

/** Access configuration of the local cloud. */
const access = {
  anonymous: 'by-rules',
  rules: [
    { name: 'news', actions: ['subscribe'], topics: ['news/#'], maxQos: 1 },
    { effect: 'deny', actions: ['all'], topics: ['news/secret/#'] },
    { name: 'desk', actions: ['all'], topics: ['desks/${clientId}/#'] },
    { name: 'one of many', actions: ['publish'], topics: ['many'], who: { clientIds: ['many-1'] } },
  ],
};

const folder = mkdtempSync(join(tmpdir(), 'cirrus-explain-'));
let test: TestCloud;
let directory: DynamoAccountDirectory;

beforeAll(async () => {
  test = await TestCloud.start({ access });
  directory = new DynamoAccountDirectory(test.dynamodb(), 'cirrus-accounts');
});

afterAll(async () => {
  await test.cloud.stop();
  rmSync(folder, { recursive: true });
});

afterEach(async () => {
  await directory.remove('alice');
});

const address = () => `http://127.0.0.1:${test.cloud.port}`;

function file(content: unknown): string {
  const path = join(folder, 'access.json');
  writeFileSync(path, JSON.stringify(content));
  return path;
}

function addAlice(account: { clientId?: string; clientIdPrefix?: string; rules: unknown[] }) {
  return directory.create({ ...account, username: 'alice', rules: readRules(account.rules) });
}

/** Runs the command and returns its output and exit code. */
async function explain(args: readonly string[]) {
  const command = run(explainCommand, [...args]);
  return { code: await command.exitCode, output: command.stdout().toString() };
}

/** Runs the command with words separated by spaces, for the local cloud. */
function explainLocally(line: string, ...more: string[]) {
  return explain([...line.split(' '), ...more, '--local', address()]);
}

describe('what is allowed', () => {
  it('is allowed by a rule of the account, which has a name from its position', async () => {
    await addAlice({ rules: [{ actions: ['publish'], topics: ['alice/#'] }] });

    expect(await explainLocally('alice publish alice/a --qos 2 --retain')).toEqual({
      code: 0,
      output: 'allowed by "account alice rule 1", up to QoS 2\n',
    });
  });

  it('is allowed by a rule for every client; receiving follows from subscribing', async () => {
    await addAlice({ rules: [] });
    const allowed = { code: 0, output: 'allowed by "news", up to QoS 1\n' };

    expect(await explainLocally('alice subscribe news/today/+')).toEqual(allowed);
    expect(await explainLocally('alice subscribe $share/readers/news/today/+')).toEqual(allowed);
    expect(await explainLocally('alice receive news/today')).toEqual({ code: 0, output: 'allowed by "news"\n' });
  });

  it('depends on the client id', async () => {
    await addAlice({ rules: [] });

    expect(await explainLocally('alice publish desks/d1/a --client-id d1')).toMatchObject({ code: 0 });
    expect(await explainLocally('alice publish desks/d1/a --client-id d2')).toEqual({
      code: 2,
      output: 'denied: no rule allows it\n',
    });
    expect(await explainLocally('alice publish many --client-id many-1')).toMatchObject({ code: 0 });
  });

  it('uses the client id of the account by default', async () => {
    await addAlice({ clientId: 'd1', rules: [] });

    expect(await explainLocally('alice publish desks/d1/a')).toMatchObject({ code: 0 });
    expect(await explainLocally('alice publish desks/d1/a --client-id d2')).toEqual({
      code: 2,
      output: expect.stringMatching(/^denied: .*"d2"\n$/),
    });
  });

  it('is printed as JSON with --json', async () => {
    await addAlice({ rules: [] });

    const { output } = await explainLocally('alice subscribe news/# --json --client-id a');

    expect(JSON.parse(output)).toMatchObject({ allowed: false, rule: 'configuration rule 2' });
    expect(JSON.parse((await explainLocally('alice subscribe news/today --json --client-id a')).output)).toEqual({
      allowed: true,
      rule: 'news',
      qos: 1,
      why: 'allowed by "news", up to QoS 1',
      notes: [],
    });
  });
});

describe('what is denied', () => {
  it('is denied by a deny rule, whatever other rules allow', async () => {
    await addAlice({ rules: [{ actions: ['all'], topics: ['#'] }] });

    expect(await explainLocally('alice receive news/secret/a')).toEqual({
      code: 2,
      output: 'denied by "configuration rule 2"\n',
    });
  });

  it('has a rule that allows less', async () => {
    await addAlice({
      rules: [
        { name: 'low', actions: ['publish'], topics: ['low'], maxQos: 1 },
        { name: 'unkept', actions: ['publish'], topics: ['unkept'], retain: false },
        { name: 'least', actions: ['publish'], topics: ['least'], maxQos: 0, retain: false },
      ],
    });
    const denied = async (line: string) => (await explainLocally(line)).output.split('\n')[0];

    expect(await denied('alice publish low --qos 2 --retain')).toBe('denied: "low" allows it only up to QoS 1');
    expect(await denied('alice publish unkept --qos 2 --retain')).toBe('denied: "unkept" allows it, but not retained');
    expect(await denied('alice publish least --qos 1 --retain')).toBe(
      'denied: "least" allows it only up to QoS 0, but not retained',
    );
    expect(await denied('alice publish least --qos 1')).toBe('denied: "least" allows it only up to QoS 0');
    expect(await denied('alice publish other --qos 1')).toBe('denied: no rule allows it');
  });

  it('names what is unknown without a client id', async () => {
    await addAlice({ rules: [] });

    expect(await explainLocally('alice publish desks/d1/a')).toEqual({
      code: 2,
      output: expect.stringMatching(/^denied: no rule allows it\n .*"desks\/\$\{clientId\}\/#"\n$/),
    });
    expect(await explainLocally('alice publish many')).toEqual({
      code: 2,
      output: expect.stringMatching(/^denied: no rule allows it\n .* --client-id\n$/),
    });
  });

  it('includes topics that are reserved for the broker', async () => {
    await addAlice({ rules: [{ actions: ['all'], topics: ['$SYS/#'] }] });

    expect(await explainLocally('alice publish $SYS/a')).toEqual({
      code: 2,
      output: expect.stringMatching(/^denied: .*reserved/),
    });
  });

  it('is everything for kinds of clients that the configuration does not accept', async () => {
    await addAlice({ rules: [{ actions: ['all'], topics: ['#'] }] });
    const nobody = file({ users: false });

    for (const [line, kind] of [
      ['alice publish a', 'user accounts'],
      ['alice publish a --token', 'tokens'],
      ['--anonymous publish a', 'anonymous clients'],
    ] as const) {
      expect(await explainLocally(line, '--access', nobody)).toEqual({
        code: 2,
        output: expect.stringMatching(new RegExp(`^denied: .* no ${kind}\n$`)),
      });
    }
  });
});

describe('clients without an account', () => {
  it('may be anonymous, without a user name', async () => {
    expect(await explainLocally('--anonymous receive news/today')).toMatchObject({ code: 0 });
    expect(await explain(['--anonymous', 'publish', 'a', '--access', file({ anonymous: 'everything' })])).toEqual({
      code: 0,
      output: expect.stringMatching(/^allowed: .*everything\n$/),
    });
  });

  it('may have a token with claims', async () => {
    const rule = { actions: ['publish'], topics: ['tenants/${claim.tenant}/${username}'], who: { kinds: ['token'] } };
    const issuers = [{ issuer: 'https://login.example', audience: 'app' }];
    const explainBob = (...more: string[]) =>
      explain(['bob', 'publish', 'tenants/a=b/bob', '--token', '--access', file({ issuers, rules: [rule] }), ...more]);

    expect(await explainBob('--claim', 'tenant=a=b')).toEqual({
      code: 0,
      output: 'allowed by "configuration rule 1", up to QoS 2\n',
    });
    expect(await explainBob()).toEqual({
      code: 2,
      output: expect.stringMatching(/^denied: no rule allows it\n .*"tenants\/\$\{claim\.tenant\}\/\$\{username\}"\n$/),
    });
  });
});

describe('the access configuration', () => {
  const environment = { ...process.env };

  afterEach(() => {
    process.env = { ...environment };
  });

  it('of a file takes precedence over that of the local cloud', async () => {
    await addAlice({ rules: [] });
    const rules = [{ name: 'of the file', actions: ['all'], topics: ['#'] }];

    expect(await explainLocally('alice publish a', '--access', file({ rules }))).toMatchObject({
      output: 'allowed by "of the file", up to QoS 2\n',
    });
  });

  it('may be unknown on AWS, which the output names', async () => {
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_DYNAMODB: test.cloud.endpoints.dynamodb,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    });
    await addAlice({ rules: [{ actions: ['publish'], topics: ['a'] }] });

    expect(await explain(['alice', 'publish', 'a', '--table', 'cirrus-accounts'])).toEqual({
      code: 0,
      output: expect.stringMatching(/^allowed by "account alice rule 1", up to QoS 2\n .* --access\n$/),
    });
  });
});

describe('a mistake', () => {
  it.each([
    ['', 'explain user name'],
    ['alice', 'publish subscribe receive ""'],
    ['alice read a', 'publish subscribe receive "read"'],
    ['alice publish', 'publish'],
    ['alice publish a b', '"b"'],
    ['alice publish a/#', '"a/#"'],
    ['alice receive +', '"+"'],
    ['alice subscribe a/#/b', '"a/#/b"'],
    ['alice subscribe $share/a', '"$share/a"'],
    ['alice subscribe a --qos 1', '--qos --retain'],
    ['alice publish a --qos 3', '--qos 0 2 "3"'],
    ['alice publish a --claim b=c', '--claim --token'],
    ['alice publish a --token --claim b', '--claim NAME=VALUE "b"'],
    ['alice publish a --token --anonymous', '--token --anonymous'],
    ['alice publish a --token', '--token --access --local'],
    ['--anonymous publish a', '--anonymous --access --local'],
    ['alice publish a', '--table AccountsTable --local'],
    ['alice publish a --access /nowhere', '/nowhere ENOENT /nowhere'],
  ])('is refused in one line: explain %s', async (args, message) => {
    await expect(run(explainCommand, args.split(' ').filter(Boolean)).exitCode).rejects.toThrow(naming(message));
  });

  it('is a user that does not exist', async () => {
    const command = run(explainCommand, ['bob', 'publish', 'a', '--local', address()]);

    await expect(command.exitCode).rejects.toThrow(naming('user "bob"'));
  });
});
