import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openApi } from '../lambdas/api/openapi';

/** Generates docs/openapi.json. */
writeFileSync(join(__dirname, '../docs/openapi.json'), `${JSON.stringify(openApi(), undefined, 2)}\n`);
