import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repository } from '../fixtures/tools.ts';

const cruiser = join(repository, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
const workspaces = ['packages/api', 'packages/sdk', 'packages/shim', 'packages/conformance', 'plugins/cni-bridge', 'plugins/cni-loopback'];

describe('layering', () => {
  let copy: string;

  beforeEach(async () => {
    copy = await mkdtemp(join(tmpdir(), 'berth-layering-'));
    await mkdir(join(copy, 'node_modules/@berth'), { recursive: true });
    await cp(join(repository, '.dependency-cruiser.cjs'), join(copy, '.dependency-cruiser.cjs'));
    for (const workspace of workspaces) {
      await mkdir(join(copy, workspace), { recursive: true });
      await cp(join(repository, workspace, 'package.json'), join(copy, workspace, 'package.json'));
      await symlink(join('../..', workspace), join(copy, 'node_modules', `@berth/${workspace.split('/')[1]}`));
    }
    await write('packages/sdk/src/errors.ts', 'export class PluginError extends Error {}');
    await write('packages/conformance/src/suite.ts', "export { PluginError } from '@berth/sdk/errors';");
    await write('plugins/cni-loopback/src/loopback.ts', "export { PluginError as plugin } from '@berth/sdk/errors';");
  });

  afterEach(() => rm(copy, { recursive: true, force: true }));

  it('accepts arrows that point down', async () => {
    expect(await violations()).toEqual([]);
  });

  it('accepts a test that imports conformance', async () => {
    await write('packages/shim/src/planted.test.ts', "import '@berth/conformance/suite';");
    expect(await violations()).toEqual([]);
  });

  it.each([
    [
      'a package that imports one above it',
      'packages/api/src/planted.ts',
      "import { PluginError } from '@berth/sdk/errors';\nthrow new PluginError();",
    ],
    [
      'one that does so for a type only',
      'packages/api/src/planted.ts',
      "import type { PluginError } from '@berth/sdk/errors';\nexport type X = PluginError;",
    ],
    ['one that reaches over by a relative path', 'packages/api/src/planted.ts', "import '../../sdk/src/errors.ts';"],
    ['a plugin that imports a plugin', 'plugins/cni-bridge/src/planted.ts', "import '@berth/cni-loopback/plugin';"],
    ["a plugin's test that imports another plugin", 'plugins/cni-bridge/src/planted.test.ts', "import '@berth/cni-loopback/plugin';"],
    ['a source that imports conformance', 'packages/shim/src/planted.ts', "import '@berth/conformance/suite';"],
    ['a workspace that the table lacks', 'packages/unknown/src/planted.ts', "import '@berth/sdk/errors';"],
  ])('refuses %s', async (_, path, source) => {
    await write(path, source);
    expect(await violations()).toContainEqual(expect.objectContaining({ from: path }));
  });

  async function write(path: string, source: string): Promise<void> {
    await mkdir(dirname(join(copy, path)), { recursive: true });
    await writeFile(join(copy, path), `${source}\n`);
  }

  async function violations(): Promise<{ from: string; to: string }[]> {
    const { stdout } = await promisify(execFile)(process.execPath, [cruiser, '--output-type', 'json', 'packages', 'plugins'], {
      cwd: copy,
      maxBuffer: 2 ** 26,
    });
    const { modules, summary } = JSON.parse(stdout);
    expect(modules.map(({ source }: { source: string }) => source)).toContain('packages/sdk/src/errors.ts');
    return summary.violations;
  }
});
