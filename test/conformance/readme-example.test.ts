import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startShim } from '../fixtures/cri-servers.ts';
import { repository } from '../fixtures/tools.ts';

const configuration = `const conditions = ['berth-source', 'node'];
export default {
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { execArgv: ['--conditions=berth-source'] },
};
`;

it('the test in the README of @berth/conformance runs as it is, and passes on a server that keeps to CRI', async () => {
  const readme = await readFile(join(repository, 'packages/conformance/README.md'), 'utf8');
  const [, example = ''] = /```ts\n(.*?)```/s.exec(readme) ?? [];
  const directory = await mkdtemp(join(tmpdir(), 'berth-readme-'));
  const server = await startShim('fake');
  try {
    await symlink(join(repository, 'node_modules'), join(directory, 'node_modules'));
    await writeFile(join(directory, 'vitest.config.js'), configuration);
    await writeFile(join(directory, 'cri.test.ts'), example);
    const env = { ...process.env, CONTAINER_RUNTIME_ENDPOINT: server.endpoint, NO_COLOR: '1' };
    const vitest = [join(repository, 'node_modules/vitest/vitest.mjs'), 'run', '--root', directory];
    const { stdout } = await promisify(execFile)(process.execPath, vitest, { cwd: directory, env });
    expect(stdout).toMatch(/Tests +1 passed/);
  } finally {
    await server.stop();
    await rm(directory, { recursive: true });
  }
});
