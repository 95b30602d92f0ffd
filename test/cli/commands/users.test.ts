import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { withLocalAddress } from '../../../cli/admin/local-cloud';
import { usersCommand } from '../../../cli/commands/users';
import type { Account } from '../../../lambdas/access/accounts';
import { verifyPassword } from '../../../lambdas/access/password-hash';
import { deriveScramCredentials } from '../../../lambdas/access/scram';
import { DynamoAccountDirectory } from '../../../lambdas/storage/account-directory';
import { DynamoBindings } from '../../../lambdas/storage/bindings';
import { run } from '../../clients/support/command-runs';
import { TestCloud } from '../../local/support';
import { naming } from '../naming';

let test: TestCloud;
let directory: DynamoAccountDirectory;
const folder = mkdtempSync(join(tmpdir(), 'cirrus-users-'));

beforeAll(async () => {
  test = await TestCloud.start();
  directory = new DynamoAccountDirectory(test.dynamodb(), 'cirrus-accounts');
});

afterAll(async () => {
  await test.cloud.stop();
  rmSync(folder, { recursive: true });
});

afterEach(async () => {
  for await (const page of directory.list()) for (const { username } of page) await directory.remove(username);
});

const address = () => `http://127.0.0.1:${test.cloud.port}`;
const local = () => ['--local', address()];

/** Runs `users` and returns its output. */
async function users([verb = '', ...args]: readonly string[], stdin: string | Buffer = ''): Promise<string> {
  const command = run(usersCommand, [verb, ...local(), ...args], stdin);
  expect(await command.exitCode).toBe(0);
  return command.stdout().toString();
}

function refused([verb = '', ...args]: readonly string[], stdin: string | Buffer = '') {
  return expect(run(usersCommand, [verb, ...local(), ...args], stdin).exitCode).rejects;
}

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function stored(username: string): Promise<Account> {
  const account = await directory.read(username);
  if (!account) throw new Error(`${username} is not stored`);
  return account;
}

async function isPassword(username: string, password: string | Buffer): Promise<boolean> {
  return verifyPassword((await stored(username)).passwordHash, password);
}

async function isScramPassword(username: string, password: string): Promise<boolean> {
  const { scram } = await stored(username);
  if (!scram) return false;
  return (await deriveScramCredentials(password, scram.iterations, scram.salt)).storedKey.equals(scram.storedKey);
}

describe('users add', () => {
  it('stores a hash of the password from stdin, without its last line feed', async () => {
    expect(await users(['add', 'kitchen', '--password-stdin'], 'secret\n')).toBe('user "kitchen" added\n');

    expect(await isPassword('kitchen', 'secret')).toBe(true);
    expect(await isPassword('kitchen', 'secret\n')).toBe(false);
    const { passwordHash, ...account } = await stored('kitchen');
    expect(passwordHash).not.toContain('secret');
    expect(account).toEqual({ username: 'kitchen', rules: [] });
  });

  it.each([
    ['every byte', Buffer.from([0, 0xff, 0x0a, 0x0d, 0x0a, 0x0a]), Buffer.from([0, 0xff, 0x0a, 0x0d, 0x0a])],
    ['an ending of Windows', Buffer.from('a\r\n'), Buffer.from('a')],
    ['no line feed', Buffer.from('a b '), Buffer.from('a b ')],
  ])('takes a file with %s', async (name, content, password) => {
    await users(['add', 'kitchen', '--password-file', file(name, content)]);

    expect(await isPassword('kitchen', password)).toBe(true);
  });

  it('generates a password and prints it once', async () => {
    const [, password = ''] = /^user "kitchen" added\npassword: ([\w-]{24})\n$/.exec(
      await users(['add', 'kitchen', '--generate']),
    )!;

    expect(await isPassword('kitchen', password)).toBe(true);
    expect(await users(['show', 'kitchen'])).not.toContain(password);
    expect(await users(['passwd', 'kitchen', '--generate'])).not.toContain(password);
  });

  it('stores SCRAM credentials only with --scram', async () => {
    await users(['add', 'plain', '--password-stdin'], 'secret');
    await users(['add', 'both', '--password-stdin', '--scram'], 'secret');

    expect(await stored('plain')).not.toHaveProperty('scram');
    expect(await isPassword('both', 'secret')).toBe(true);
    expect(await isScramPassword('both', 'secret')).toBe(true);
  });

  it('creates rules from flags and from a file', async () => {
    const detailed = [{ name: 'quiet', effect: 'deny', actions: ['publish'], topics: ['home/loud/#'] }];
    const flags = ['--publish', 'home/+/state', '--publish', 'a', '--subscribe', 'home/#', '--max-qos', '1'];

    await users([
      ...['add', 'kitchen', '--generate', ...flags, '--no-retain'],
      ...['--rules', file('rules.json', JSON.stringify(detailed))],
      ...['--client-id-prefix', 'kitchen-', '--max-connections', '3'],
    ]);

    expect(await stored('kitchen')).toMatchObject({
      rules: [
        { actions: ['publish'], topics: ['home/+/state', 'a'], maxQos: 1, retain: false },
        { actions: ['subscribe'], topics: ['home/#'], maxQos: 1 },
        ...detailed,
      ],
      clientIdPrefix: 'kitchen-',
      maxConnections: 3,
    });
  });

  it('accepts any name, and values that begin with a dash', async () => {
    await users(['add', 'küche 🔑', '--generate', '--client-id', '-1']);
    await users(['add', '--generate', '--', '--dash']);

    expect(await stored('küche 🔑')).toMatchObject({ clientId: '-1' });
    expect((await users(['list'])).split('\n')).toEqual(['--dash', 'küche 🔑', '']);
  });

  it('does not change an existing user', async () => {
    await users(['add', 'kitchen', '--password-stdin'], 'secret');

    await refused(['add', 'kitchen', '--generate']).toThrow(naming('"kitchen" exists "users passwd"'));
    expect(await isPassword('kitchen', 'secret')).toBe(true);
  });
});

describe('users passwd', () => {
  it('replaces the password and nothing else', async () => {
    await users(['add', 'kitchen', '--password-stdin', '--publish', 'a', '--client-id', 'k'], 'old');

    expect(await users(['passwd', 'kitchen', '--password-stdin'], 'new')).toBe('user "kitchen" has a new password\n');

    expect(await isPassword('kitchen', 'old')).toBe(false);
    expect(await isPassword('kitchen', 'new')).toBe(true);
    const { passwordHash: _, ...account } = await stored('kitchen');
    expect(account).toEqual({
      username: 'kitchen',
      clientId: 'k',
      rules: [{ actions: ['publish'], topics: ['a'] }],
    });
  });

  it('replaces or adds SCRAM credentials', async () => {
    await users(['add', 'both', '--password-stdin', '--scram'], 'old');
    await users(['add', 'plain', '--password-stdin'], 'old');

    await users(['passwd', 'both', '--password-stdin'], 'new');
    await users(['passwd', 'plain', '--password-stdin', '--scram'], 'new');

    expect(await isScramPassword('both', 'old')).toBe(false);
    expect(await isScramPassword('both', 'new')).toBe(true);
    expect(await isScramPassword('plain', 'new')).toBe(true);
  });
});

describe('users list and show', () => {
  it('print everything but hashes', async () => {
    await users(
      ['add', 'kitchen', '--password-stdin', '--scram', '--publish', 'a', '--max-connections', '2'],
      'secret',
    );
    await users(['add', 'attic', '--password-stdin', '--client-id-prefix', 'attic-'], 'secret');
    const { passwordHash = '' } = await stored('kitchen');
    const kitchen = {
      username: 'kitchen',
      password: true,
      scram: true,
      rules: [{ actions: ['publish'], topics: ['a'] }],
      maxConnections: 2,
    };
    const attic = { username: 'attic', password: true, scram: false, rules: [], clientIdPrefix: 'attic-' };

    expect(await users(['list'])).toBe('attic\nkitchen\n');
    expect(JSON.parse(await users(['list', '--json']))).toEqual([attic, kitchen]);
    expect(JSON.parse(await users(['show', 'kitchen', '--json']))).toEqual(kitchen);
    expect(await users(['show', 'attic'])).toMatch(
      /^user +attic\n.* +password\nclient id .*attic-\nconnections .*\nrules +none\n$/,
    );
    const shown = await users(['show', 'kitchen']);
    expect(shown).toMatch(/ password, SCRAM-SHA-256\n/);
    expect(shown).toContain('rules        {"actions":["publish"],"topics":["a"]}\n');
    expect(shown).not.toContain(passwordHash);
  });

  it('escape characters that a terminal would interpret', async () => {
    const name = 'red \u001b[31m\u202e';
    const spelt = '"red \\u001b[31m\\u{202e}"';

    await directory.create({ username: name, rules: [] });
    expect(await users(['list'])).toBe(`${spelt}\n`);
    expect(await users(['remove', name])).toBe(`user ${spelt} removed\n`);
  });

  it('print nothing for an empty table', async () => {
    expect(await users(['list'])).toBe('');
    expect(await users(['list', '--json'])).toBe('[]\n');
  });
});

describe('users remove', () => {
  it('removes a user, once', async () => {
    await users(['add', 'kitchen', '--generate']);

    expect(await users(['remove', 'kitchen'])).toBe('user "kitchen" removed\n');

    expect(await directory.read('kitchen')).toBeUndefined();
    await refused(['remove', 'kitchen']).toThrow(naming('user "kitchen"'));
  });
});

describe('users list --reserve', () => {
  it('reserves client ids of accounts that an earlier release has added', async () => {
    await users(['add', 'kitchen', '--generate', '--client-id', 'kitchen-1']);
    const bindings = new DynamoBindings(test.dynamodb(), 'cirrus-accounts');
    await bindings.remove({ kind: 'user', username: 'kitchen', clientId: 'kitchen-1' });

    const command = run(usersCommand, ['list', ...local(), '--reserve'], '');
    expect(await command.exitCode).toBe(0);
    expect(command.stderr().toString()).toBe('client ids and prefixes reserved: 1, released: 0\n');
    expect(command.stdout().toString()).toBe('kitchen\n');
    expect(await bindings.holders('kitchen-1', 0)).toEqual([{ kind: 'user', username: 'kitchen' }]);
  });
});

describe('the prompt for a password', () => {
  /** Terminal on which each line is typed after its prompt. */
  async function typed(...answers: readonly string[]) {
    const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
    const printed: string[] = [];
    const print = new PassThrough().on('data', (text) => printed.push(String(text)));
    const terminal = { stdin, stdout: print, stderr: print, interrupted: new AbortController().signal };
    const exitCode = usersCommand.run(['add', 'kitchen', ...local()], terminal);
    exitCode.catch(() => undefined);
    for (const [index, answer] of answers.entries()) {
      while (printed.join('').match(/: /g)?.length !== index + 1) await turn();
      stdin.write(answer);
    }
    return { exitCode, output: () => printed.join('') };
  }

  it('asks twice without echo', async () => {
    const { exitCode, output } = await typed('sesame\r', 'sesame\r');

    expect(await exitCode).toBe(0);
    expect(output()).toMatch(/^password: \n[\w ]+: \nuser "kitchen" added\n$/);
    expect(await isPassword('kitchen', 'sesame')).toBe(true);
  });

  it('rejects two different passwords', async () => {
    const { exitCode } = await typed('sesame\r', 'sesam\r');

    await expect(exitCode).rejects.toThrow('differ');
    expect(await directory.read('kitchen')).toBeUndefined();
  });

  it.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('ends at %s', async (_key, character) => {
    const { exitCode, output } = await typed(character);

    await expect(exitCode).rejects.toThrow('no password');
    expect(output()).toBe('password: \n');
  });
});

describe('a mistake', () => {
  it.each([
    ['', 'add passwd list show remove ""'],
    ['toString', 'add passwd list show remove "toString"'],
    ['add --generate', 'users add name'],
    ['add a b --generate', 'add "b"'],
    ['list a', "unexpected argument 'a'"],
    ['remove a --scram', '--scram'],
    ['add a', '--password-stdin --password-file --generate'],
    ['add a --generate --password-stdin', '--password-stdin --generate'],
    ['add a --password-stdin', '1 1024 0'],
    ['add a --password-file /nowhere', 'ENOENT /nowhere'],
    ['add a --generate --client-id b --client-id-prefix c', '--client-id --client-id-prefix'],
    ['add a --generate --client-id=', '--client-id'],
    ['add a --generate --max-qos 1', '--max-qos --publish --subscribe'],
    ['add a --generate --publish b --max-qos 3', '--max-qos 0 2 "3"'],
    ['add a --generate --subscribe b --no-retain', '--no-retain --publish'],
    ['add a --generate --max-connections 0', '--max-connections 1 1000000 "0"'],
    ['show a', '"a"'],
    ['passwd a --generate', '"a"'],
  ])('is refused in one line: users %s', async (args, message) => {
    await refused(args.split(' ').filter(Boolean)).toThrow(naming(message));
  });

  it.each(['--password', '--password=secret'])('is %s, which other users can see', async (flag) => {
    await refused(['add', 'kitchen', flag, 'secret']).toThrow(naming('--password-stdin --password-file --generate'));
  });

  it('in a rule is reported with its flag or file', async () => {
    const bad = file('bad.json', '[{"actions":["publish"],"topics":["a#"]}]');
    const broken = file('broken.json', '[');

    await refused(['add', 'a', '--generate', '--publish', 'b#']).toThrow(/^--publish\[0\].topics\[0\] is "b#"/);
    await refused(['add', 'a', '--generate', '--rules', bad]).toThrow(`${bad}[0].topics[0] is "a#"`);
    await refused(['add', 'a', '--generate', '--rules', broken]).toThrow(broken);
  });

  it('is a control character or noncharacter in a name, but such an account can be removed', async () => {
    await refused(['add', 'a\uffff', '--generate']).toThrow(naming('users add name noncharacters'));
    await refused(['add', 'a', '--generate', '--client-id', 'b\u0001']).toThrow(naming('--client-id noncharacters'));
    await refused(['add', 'a', '--generate', '--client-id-prefix', '\ufdd0']).toThrow(
      naming('--client-id-prefix noncharacters'),
    );
    await refused(['add', 'a', '--generate', '--publish', 'b\uffff']).toThrow(
      naming('--publish[0].topics[0] "b\uffff" noncharacters'),
    );
    await directory.create({ username: 'old-\uffff', rules: [] });

    expect(await users(['remove', 'old-\uffff'])).toBe('user "old-\\u{ffff}" removed\n');
  });

  it('is a name that is too long', async () => {
    await refused(['add', 'x'.repeat(257), '--generate']).toThrow(naming('1 256'));
  });

  it('is SCRAM for a password that is not UTF-8', async () => {
    await refused(['add', 'a', '--password-stdin', '--scram'], Buffer.from([0xff])).toThrow(naming('SCRAM UTF-8'));
  });
});

describe('the accounts table', () => {
  const environment = { ...process.env };

  afterEach(() => {
    process.env = { ...environment };
  });

  const at = (...where: string[]) => expect(run(usersCommand, ['list', ...where]).exitCode);

  /** Sets the environment variables of the SDK. */
  function useEndpoint(credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' }) {
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_DYNAMODB: test.cloud.endpoints.dynamodb,
      AWS_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      ...credentials,
    });
  }

  it('is selected by --table, with the environment of the SDK', async () => {
    useEndpoint();
    await users(['add', 'kitchen', '--generate']);

    const command = run(usersCommand, ['list', '--table', 'cirrus-accounts']);

    expect(await command.exitCode).toBe(0);
    expect(command.stdout().toString()).toBe('kitchen\n');
  });

  it('needs exactly one of --table and --local', async () => {
    const message = 'users --table AccountsTable --local';

    await at().rejects.toThrow(naming(message));
    await at('--table', 'a', '--local').rejects.toThrow(naming(message));
  });

  it('must exist, and must be an accounts table', async () => {
    useEndpoint();

    await at('--table', 'cirrus-nothing').rejects.toThrow(naming('table "cirrus-nothing"'));
    const wrong = run(usersCommand, ['show', 'a', '--table', 'cirrus-connections']);
    await expect(wrong.exitCode).rejects.toThrow(naming('"cirrus-connections" not'));
  });

  it('needs credentials and a Region', async () => {
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    process.env.AWS_CONFIG_FILE = process.env.AWS_SHARED_CREDENTIALS_FILE = '/nowhere';
    await at('--table', 'cirrus-accounts').rejects.toThrow('AWS_REGION');

    process.env.AWS_REGION = 'us-east-1';
    process.env.AWS_EC2_METADATA_DISABLED = 'true';
    await at('--table', 'cirrus-accounts').rejects.toThrow('AWS credentials');
  });

  it('of the local cloud needs a local cloud at the address', async () => {
    const other = createServer((_request, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;

    for (const where of ['http://127.0.0.1:1', elsewhere]) {
      await at('--local', where).rejects.toThrow(naming(`${where} "npm start"`));
    }
    other.close();
  });

  it.each([
    ['list --local', 'list --local=http://127.0.0.1:8080'],
    ['list --local --json', 'list --local=http://127.0.0.1:8080 --json'],
    ['show --local http', 'show --local=http://127.0.0.1:8080 http'],
    ['list --local http://garage:8081 --json', 'list --local=http://garage:8081 --json'],
    ['add --client-id http://a --local', 'add --client-id http://a --local=http://127.0.0.1:8080'],
  ])('of --local is that of port 8080 by default: %s', (args, meant) => {
    expect(withLocalAddress(args.split(' '))).toEqual(meant.split(' '));
  });
});
