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

export const passwordHelp = `password; without any of these flags the program prompts for it:
  --password-stdin     read it from stdin, without the last line feed
  --password-file F    read it from a file, without the last line feed
  --generate           generate a random password and print it once
  --scram              store SCRAM-SHA-256 credentials as well; if the table leaks, they are faster to guess than the
                       password hash
`;

export const passwordFlags = {
  'password-stdin': { type: 'boolean' },
  'password-file': { type: 'string' },
  generate: { type: 'boolean' },
  scram: { type: 'boolean' },
} as const satisfies Flags;

const sources = ['password-stdin', 'password-file', 'generate'] as const;

/** Length of a generated password: 144 bits, 24 characters in base64url. */
const generatedBytes = 18;

export interface ChosenPassword {
  readonly password: Buffer;
  /** Text for the user after the account is stored: the generated password, or nothing. */
  readonly announcement: string;
}

/** @throws UsageError if a password is among the arguments, where other users and the shell history can see it. */
export function refusePasswordArgument(args: readonly string[]): void {
  if (!args.some((arg) => /^--password(=|$)/.test(arg))) return;
  throw new UsageError(
    'a password in the arguments is visible to every user of this machine and stays in the shell history: use --password-stdin, --password-file, --generate or the prompt',
  );
}

/** Reads, generates or prompts for a password, as the flags select. @throws UsageError for more than one source. */
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
  if (isTerminal(terminal.stdin)) return promptForPassword(terminal);
  throw new UsageError('no terminal to prompt for a password: use --password-stdin, --password-file or --generate');
}

/** Derives the credentials that an account stores of a password. @throws Error for SCRAM if it is not UTF-8. */
export async function deriveCredentials(
  password: Buffer,
  { scram }: { readonly scram: boolean },
): Promise<Pick<Account, 'passwordHash' | 'scram'>> {
  const passwordHash = await hashPassword(password);
  return scram ? { passwordHash, scram: await deriveScramCredentials(textOf(password)) } : { passwordHash };
}

function textOf(password: Buffer): string {
  if (isUtf8(password)) return password.toString();
  throw new Error('SCRAM needs a password that is valid UTF-8');
}

function withoutLineFeed(bytes: Buffer): Buffer {
  const end = /\r?\n$/.exec(bytes.toString('latin1'))?.index;
  return bytes.subarray(0, end);
}

function isTerminal(stdin: Readable & { isTTY?: boolean }): boolean {
  return stdin.isTTY === true;
}

/** Prompts for the password twice, without echo. @throws Error if the two differ or the user cancels. */
async function promptForPassword({ stdin, stderr, interrupted }: Terminal): Promise<Buffer> {
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: silence, terminal: true, historySize: 0 });
  const given = new AbortController();
  for (const end of ['SIGINT', 'close'] as const) lines.once(end, () => given.abort());
  const signal = AbortSignal.any([given.signal, interrupted]);
  const question = async (prompt: string) => {
    stderr.write(prompt);
    const line = await lines.question('', { signal }).catch(() => undefined);
    stderr.write('\n');
    if (line === undefined) throw new Error('no password entered');
    return line;
  };
  try {
    const password = await question('password: ');
    if ((await question('repeat: ')) !== password) throw new Error('the passwords differ');
    return Buffer.from(password);
  } finally {
    lines.close();
  }
}
