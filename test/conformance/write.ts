/** `npm run conformance`: updates docs/conformance.md and removes proved clauses from `open-5.txt`. */
import { writeFileSync } from 'node:fs';
import { documentFile, writtenDocument } from './document';
import { openFile, readLedger, readOpen, unproved } from './ledger';

const ledger = readLedger();
const still = new Set(unproved(ledger['5.0']));

writeFileSync(documentFile, writtenDocument(ledger));
writeFileSync(
  openFile,
  readOpen()
    .filter((id) => still.has(id))
    .map((id) => `${id}\n`)
    .join(''),
);
