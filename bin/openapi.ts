import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openApi } from '../lambdas/api/openapi';

/** Writes docs/openapi.json anew. */
writeFileSync(join(__dirname, '../docs/openapi.json'), `${JSON.stringify(openApi(), undefined, 2)}\n`);
