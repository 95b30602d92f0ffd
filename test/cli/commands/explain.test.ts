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

/** What the local cloud is started with. */
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

/** What a command says and its exit code. */
async function said(args: readonly string[]) {
  const command = run(explainCommand, [...args]);
  return { code: await command.exitCode, output: command.stdout().toString() };
}

/** The same of the local cloud, with words parted by spaces. */
function explained(line: string, ...more: string[]) {
  return said([...line.split(' '), ...more, '--local', address()]);
}

describe('what is allowed', () => {
  it('is allowed by a rule of the account, which is named by its place', async () => {
    await addAlice({ rules: [{ actions: ['publish'], topics: ['alice/#'] }] });

    expect(await explained('alice publish alice/a --qos 2 --retain')).toEqual({
      code: 0,
      output: 'allowed by "account alice rule 1", up to QoS 2\n',
    });
  });

  it('is allowed by a rule for everybody, who may receive what they may subscribe to up to a QoS', async () => {
    await addAlice({ rules: [] });
    const allowed = { code: 0, output: 'allowed by "news", up to QoS 1\n' };

    expect(await explained('alice subscribe news/today/+')).toEqual(allowed);
    expect(await explained('alice subscribe $share/readers/news/today/+')).toEqual(allowed);
    expect(await explained('alice receive news/today')).toEqual({ code: 0, output: 'allowed by "news"\n' });
  });

  it('depends on the client id', async () => {
    await addAlice({ rules: [] });

    expect(await explained('alice publish desks/d1/a --client-id d1')).toMatchObject({ code: 0 });
    expect(await explained('alice publish desks/d1/a --client-id d2')).toEqual({
      code: 2,
      output: 'denied: no rule allows it\n',
    });
    expect(await explained('alice publish many --client-id many-1')).toMatchObject({ code: 0 });
  });

  it('is asked for the only client id that an account has', async () => {
    await addAlice({ clientId: 'd1', rules: [] });

    expect(await explained('alice publish desks/d1/a')).toMatchObject({ code: 0 });
    expect(await explained('alice publish desks/d1/a --client-id d2')).toEqual({
      code: 2,
      output: 'denied: the account is not good for client id "d2"\n',
    });
  });

  it('is told as JSON', async () => {
    await addAlice({ rules: [] });

    const { output } = await explained('alice subscribe news/# --json --client-id a');

    expect(JSON.parse(output)).toMatchObject({ allowed: false, rule: 'configuration rule 2' });
    expect(JSON.parse((await explained('alice subscribe news/today --json --client-id a')).output)).toEqual({
      allowed: true,
      rule: 'news',
      qos: 1,
      why: 'allowed by "news", up to QoS 1',
      notes: [],
    });
  });
});

describe('what is denied', () => {
  it('is denied by a rule whatever others allow', async () => {
    await addAlice({ rules: [{ actions: ['all'], topics: ['#'] }] });

    expect(await explained('alice receive news/secret/a')).toEqual({
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
    const denied = async (line: string) => (await explained(line)).output.split('\n')[0];

    expect(await denied('alice publish low --qos 2 --retain')).toBe('denied: "low" allows it up to QoS 1 only');
    expect(await denied('alice publish unkept --qos 2 --retain')).toBe('denied: "unkept" allows it, but not retained');
    expect(await denied('alice publish least --qos 1 --retain')).toBe(
      'denied: "least" allows it up to QoS 0 only, but not retained',
    );
    expect(await denied('alice publish least --qos 1')).toBe('denied: "least" allows it up to QoS 0 only');
    expect(await denied('alice publish other --qos 1')).toBe('denied: no rule allows it');
  });

  it('may be so for want of a client id, which is said', async () => {
    await addAlice({ rules: [] });

    expect(await explained('alice publish desks/d1/a')).toEqual({
      code: 2,
      output: 'denied: no rule allows it\n  not known what stands in "desks/${clientId}/#"\n',
    });
    expect(await explained('alice publish many')).toEqual({
      code: 2,
      output: 'denied: no rule allows it\n  rules for certain client ids are left out, for want of --client-id\n',
    });
  });

  it('is what the broker allows nobody', async () => {
    await addAlice({ rules: [{ actions: ['all'], topics: ['$SYS/#'] }] });

    expect(await explained('alice publish $SYS/a')).toEqual({
      code: 2,
      output: 'denied: the broker lets nobody publish there\n',
    });
  });

  it('is everything to those that are not let in', async () => {
    await addAlice({ rules: [{ actions: ['all'], topics: ['#'] }] });
    const nobody = file({ users: false });

    for (const [line, who] of [
      ['alice publish a', 'user'],
      ['alice publish a --token', 'token'],
      ['--anonymous publish a', 'client without proof'],
    ] as const) {
      expect(await explained(line, '--access', nobody)).toEqual({
        code: 2,
        output: `denied: the configuration lets in no ${who}\n`,
      });
    }
  });
});

describe('clients without an account', () => {
  it('may be anonymous, and need no name', async () => {
    expect(await explained('--anonymous receive news/today')).toMatchObject({ code: 0 });
    expect(await said(['--anonymous', 'publish', 'a', '--access', file({ anonymous: 'everything' })])).toEqual({
      code: 0,
      output: 'allowed: clients without proof may do everything\n',
    });
  });

  it('may have a token with claims', async () => {
    const rule = { actions: ['publish'], topics: ['tenants/${claim.tenant}/${username}'], who: { kinds: ['token'] } };
    const issuers = [{ issuer: 'https://login.example', audience: 'app' }];
    const explain = (...more: string[]) =>
      said(['bob', 'publish', 'tenants/a=b/bob', '--token', '--access', file({ issuers, rules: [rule] }), ...more]);

    expect(await explain('--claim', 'tenant=a=b')).toEqual({
      code: 0,
      output: 'allowed by "configuration rule 1", up to QoS 2\n',
    });
    expect(await explain()).toEqual({
      code: 2,
      output: 'denied: no rule allows it\n  not known what stands in "tenants/${claim.tenant}/${username}"\n',
    });
  });
});

describe('the access configuration', () => {
  const environment = { ...process.env };

  afterEach(() => {
    process.env = { ...environment };
  });

  it('is that of a file rather than that of the local cloud', async () => {
    await addAlice({ rules: [] });
    const rules = [{ name: 'of the file', actions: ['all'], topics: ['#'] }];

    expect(await explained('alice publish a', '--access', file({ rules }))).toMatchObject({
      output: 'allowed by "of the file", up to QoS 2\n',
    });
  });

  it('may be missing on AWS, which is said', async () => {
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_DYNAMODB: test.cloud.endpoints.dynamodb,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    });
    await addAlice({ rules: [{ actions: ['publish'], topics: ['a'] }] });

    expect(await said(['alice', 'publish', 'a', '--table', 'cirrus-accounts'])).toEqual({
      code: 0,
      output:
        'allowed by "account alice rule 1", up to QoS 2\n  rules for everybody are left out, for want of --access\n',
    });
  });
});

describe('a mistake', () => {
  it.each([
    ['', 'explain needs the name of a user'],
    ['alice', 'explain takes publish, subscribe, receive, not ""'],
    ['alice read a', 'explain takes publish, subscribe, receive, not "read"'],
    ['alice publish', 'explain publish needs a topic'],
    ['alice publish a b', 'explain takes one topic, not also "b"'],
    ['alice publish a/#', '"a/#" is not a topic, which has no wildcards'],
    ['alice receive +', '"+" is not a topic, which has no wildcards'],
    ['alice subscribe a/#/b', '"a/#/b" is not a topic filter'],
    ['alice subscribe $share/a', '"$share/a" is not a topic filter'],
    ['alice subscribe a --qos 1', '--qos and --retain need publish'],
    ['alice publish a --qos 3', '--qos takes a whole number from 0 to 2, not "3"'],
    ['alice publish a --claim b=c', '--claim needs --token'],
    ['alice publish a --token --claim b', '--claim takes NAME=VALUE, not "b"'],
    ['alice publish a --token --anonymous', '--token and --anonymous exclude each other'],
    ['alice publish a --token', '--token needs --access or --local, which tell whether such clients are let in'],
    ['--anonymous publish a', '--anonymous needs --access or --local, which tell whether such clients are let in'],
    ['alice publish a', 'explain needs either --table, with the AccountsTable that "cdk deploy" printed, or --local'],
    [
      'alice publish a --access /nowhere',
      "/nowhere cannot be read: ENOENT: no such file or directory, open '/nowhere'",
    ],
  ])('is refused in one line: explain %s', async (args, message) => {
    await expect(run(explainCommand, args.split(' ').filter(Boolean)).exitCode).rejects.toThrow(new Error(message));
  });

  it('is a user that does not exist', async () => {
    const command = run(explainCommand, ['bob', 'publish', 'a', '--local', address()]);

    await expect(command.exitCode).rejects.toThrow('there is no user "bob"');
  });
});
