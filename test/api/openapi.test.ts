import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openApi } from '../../lambdas/api/openapi';

const root = join(__dirname, '../..');
const path = join(root, 'docs/openapi.json');
const validator = join(root, 'node_modules/@seriousme/openapi-schema-validator/bin/validate-api-cli.js');

describe('docs/openapi.json', () => {
  it('is generated from the operations; "npm run openapi" writes it', () => {
    const written = JSON.parse(readFileSync(path, 'utf8'));

    expect(written).toEqual(JSON.parse(JSON.stringify(openApi())));
    expect(written.openapi).toBe('3.1.0');
  });

  it('is valid', () => {
    const output = execFileSync(process.execPath, [validator, path], { encoding: 'utf8' }); // an ES module

    expect(JSON.parse(output)).toEqual({ valid: true });
  });
});
