import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clause, Ledger } from './ledger';

export const documentFile = join(__dirname, '../../docs/conformance.md');

/** Returns the document with the sections between the marks generated from the ledger; other text is unchanged. */
export function writtenDocument(ledger: Ledger): string {
  return Object.entries({
    summary: summary(ledger),
    'not met': notMet(ledger),
    'clauses of 3.1.1': table(ledger['3.1.1']),
    'clauses of 5.0': table(ledger['5.0']),
  }).reduce((document, [mark, text]) => between(document, mark, text), readFileSync(documentFile, 'utf8'));
}

function between(document: string, mark: string, text: string): string {
  const [before, after] = [`<!-- ${mark} -->\n`, `\n<!-- end of ${mark} -->`];
  const [start, end] = [document.indexOf(before), document.indexOf(after)];
  if (start < 0 || end < start) throw new Error(`docs/conformance.md has no marks for ${mark}`);
  return `${document.slice(0, start)}${before}\n${text}\n${document.slice(end)}`;
}

const rows: readonly [heading: string, counts: (clause: Clause) => boolean][] = [
  ['numbered clauses', () => true],
  ['**bind the server**, alone or like the client', bindsServer],
  ['— proved by a test', (clause) => bindsServer(clause) && clause.proofs.length > 0],
  ['— without a test, for a reason', (clause) => bindsServer(clause) && isReasoned(clause)],
  ['— not met', (clause) => bindsServer(clause) && clause.reason?.kind === 'not met'],
  ['— open', (clause) => bindsServer(clause) && clause.proofs.length === 0 && !clause.reason],
  ['**bind the client** alone', (clause) => !bindsServer(clause)],
  ['— with a test of what the broker makes of a breach', (clause) => !bindsServer(clause) && clause.proofs.length > 0],
];

function bindsServer({ binds }: Clause): boolean {
  return binds !== 'client';
}

function isReasoned({ reason }: Clause): boolean {
  return reason !== undefined && reason.kind !== 'not met';
}

function summary(ledger: Ledger): string {
  const lines = rows.map(([heading, counts]) => {
    const [of3, of5] = [ledger['3.1.1'].filter(counts).length, ledger['5.0'].filter(counts).length];
    return `| ${heading} | ${of3} | ${of5} |`;
  });
  return ['| | MQTT 3.1.1 | MQTT 5.0 |', '| --- | ---: | ---: |', ...lines].join('\n');
}

function notMet(ledger: Ledger): string {
  const lines = Object.entries(ledger).flatMap(([version, clauses]) =>
    clauses
      .filter(({ reason }) => reason?.kind === 'not met')
      .map(({ id, says, reason }) => `- ${version}, ${id} (${plain(says)}): ${reason?.why}.`),
  );
  return lines.join('\n');
}

function table(clauses: readonly Clause[]): string {
  const lines = clauses.map(
    (clause) => `| ${clause.id} | ${clause.binds} | ${plain(clause.says)} | ${proof(clause)} |`,
  );
  return ['| clause | binds | what it says | proof |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

function proof({ binds, proofs, reason }: Clause): string {
  if (proofs.length > 0) return proofs.map(link).join(', ');
  if (reason) return reason.kind === 'not met' ? `**not met**: ${reason.why}` : reason.why;
  return binds === 'client' ? 'the client’s duty' : '**open**';
}

function link(path: string): string {
  return `[${path.replace(/(\.test)?\.(ts|json)$/, '')}](../test/${path})`;
}

/** Characters of topics that have a meaning in Markdown. */
function plain(text: string): string {
  return text.replace(/[#+$*_|]/g, '\\$&');
}
