/** `npm run conformance`: brings docs/conformance.md up to date, and strikes what is proved now off the list of the open. */
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
