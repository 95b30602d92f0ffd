import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { type Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Account } from '../../lambdas/access/accounts';
import { hashPassword } from '../../lambdas/access/password-hash';
import { deriveScramCredentials } from '../../lambdas/access/scram';
import { type Flags, type Terminal, UsageError } from '../command';
import type { ParsedValues } from '../parse-options';

export const passwordHelp = `password; without any of these it is asked for:
  --password-stdin     all of stdin, without the last line feed
  --password-file F    all of a file, without the last line feed
  --generate           a random one, printed once
  --scram              SCRAM-SHA-256 as well, for which the table holds what can be guessed faster than the hash,
                       should it ever leak
`;

export const passwordFlags = {
  'password-stdin': { type: 'boolean' },
  'password-file': { type: 'string' },
  generate: { type: 'boolean' },
  scram: { type: 'boolean' },
} as const satisfies Flags;

const sources = ['password-stdin', 'password-file', 'generate'] as const;

/** Of a generated password: 144 bits, which are 24 characters. */
const generatedBytes = 18;

export interface ChosenPassword {
  readonly password: Buffer;
  /** What the user has to be told of it. */
  readonly announcement: string;
}

export function refusePasswordArgument(args: readonly string[]): void {
  if (!args.some((arg) => /^--password(=|$)/.test(arg))) return;
  throw new UsageError(
    'a password among the arguments can be read by everybody on this machine, and stays in the history of the shell: use --password-stdin, --password-file, --generate or the prompt',
  );
}

export async function choosePassword(
  values: ParsedValues<typeof passwordFlags>,
  terminal: Terminal,
): Promise<ChosenPassword> {
  const given = sources.filter((source) => values[source] !== undefined);
  if (given.length > 1) throw new UsageError(`--${given.join(' and --')} exclude each other`);
  if (values.generate) return generate();
  return { password: await readPassword(values, terminal), announcement: '' };
}

function generate(): ChosenPassword {
  const text = randomBytes(generatedBytes).toString('base64url');
  return { password: Buffer.from(text), announcement: `password: ${text}\n` };
}

async function readPassword(values: ParsedValues<typeof passwordFlags>, terminal: Terminal): Promise<Buffer> {
  const file = values['password-file'];
  if (file !== undefined) return withoutLineFeed(await readFile(file));
  if (values['password-stdin']) return withoutLineFeed(await buffer(terminal.stdin));
  if (isTerminal(terminal.stdin)) return ask(terminal);
  throw new UsageError(
    'there is no terminal to ask for a password: use --password-stdin, --password-file or --generate',
  );
}

/** What an account keeps of a password. */
export async function deriveCredentials(
  password: Buffer,
  withScram: boolean,
): Promise<Pick<Account, 'passwordHash' | 'scram'>> {
  const passwordHash = await hashPassword(password);
  return withScram ? { passwordHash, scram: await deriveScramCredentials(textOf(password)) } : { passwordHash };
}

function textOf(password: Buffer): string {
  if (isUtf8(password)) return password.toString();
  throw new Error('SCRAM takes passwords that are text in UTF-8');
}

function withoutLineFeed(bytes: Buffer): Buffer {
  const end = /\r?\n$/.exec(bytes.toString('latin1'))?.index;
  return bytes.subarray(0, end);
}

function isTerminal(stdin: Readable & { isTTY?: boolean }): boolean {
  return stdin.isTTY === true;
}

/** Twice, without an echo. */
async function ask({ stdin, stderr, interrupted }: Terminal): Promise<Buffer> {
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: silence, terminal: true, historySize: 0 });
  const given = new AbortController();
  for (const end of ['SIGINT', 'close'] as const) lines.once(end, () => given.abort());
  const signal = AbortSignal.any([given.signal, interrupted]);
  const question = async (prompt: string) => {
    stderr.write(prompt);
    const answer = await lines.question('', { signal }).catch(() => undefined);
    stderr.write('\n');
    if (answer === undefined) throw new Error('no password was given');
    return answer;
  };
  try {
    const password = await question('password: ');
    if ((await question('once more: ')) !== password) throw new Error('the two passwords differ');
    return Buffer.from(password);
  } finally {
    lines.close();
  }
}
