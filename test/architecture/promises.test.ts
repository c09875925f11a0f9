import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repository } from '../fixtures/tools.ts';

const linter = join(repository, 'node_modules/oxlint/bin/oxlint');

describe('the lint for floating promises', () => {
  let copy: string;

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'berth-promises-'));
    for (const name of ['.oxlintrc.json', 'tsconfig.base.json']) await cp(join(repository, name), join(copy, name));
    await symlink(join(repository, 'node_modules'), join(copy, 'node_modules'));
    await writeFile(join(copy, 'tsconfig.json'), JSON.stringify({ extends: './tsconfig.base.json', include: ['*.ts'] }));
    await writeFile(join(copy, 'later.ts'), 'export async function later(): Promise<number> {\n  return 1;\n}\n');
  });

  afterAll(() => rm(copy, { recursive: true, force: true }));

  it.each([
    ['of an imported async function', "import { later } from './later.ts';\nlater();"],
    ['of a function of Node', "import { rm } from 'node:fs/promises';\nrm('x');"],
    [
      'of a call through connect()',
      "import { connect } from '@berth/sdk/connect';\nimport { RuntimeServiceService } from '@berth/sdk/cri';\nconnect(RuntimeServiceService, 'unix:///x').version({ version: '' });",
    ],
    ['given to a caller that expects none', "import { later } from './later.ts';\n[1].forEach(async () => {\n  await later();\n});"],
  ])('finds a promise %s', async (_, source) => {
    expect(await lint(source)).toMatch(/no-(floating|misused)-promises/);
  });

  it('accepts promises that are awaited, or ignored in so many words', async () => {
    expect(await lint("import { later } from './later.ts';\nawait later();\nvoid later();")).toMatch('0 errors');
  });

  async function lint(source: string): Promise<string> {
    await writeFile(join(copy, 'planted.ts'), `${source}\n`);
    const linted = promisify(execFile)(process.execPath, [linter, '--type-aware', 'planted.ts'], { cwd: copy });
    return linted.then(
      ({ stdout }) => stdout,
      (failed: { stdout: string }) => failed.stdout,
    );
  }
});
