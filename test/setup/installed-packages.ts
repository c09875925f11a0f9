import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { npm, type Packed, packages, plainEnvironment, plugins, run } from '../fixtures/packed.ts';
import { repository } from '../fixtures/tools.ts';

/** The tests of what is published: what is in it, and what it does where nothing of the repository is near. */
export function installedPackages(packed: () => Packed): void {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-installed-'));
    await writeFile(join(directory, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    // Without runtime-runc, so that it is seen that a node does without the runtimes that it isn't asked for.
    const wanted = packed().tarballs.filter(({ name }) => name !== '@berth/runtime-runc');
    const files = wanted.map(({ filename }) => join(packed().directory, filename));
    await npm(['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', ...files], directory);
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  it.each([...packages, ...plugins])(
    '@berth/%s holds a build with types, README and LICENSE, and nothing else of the repository',
    (name) => {
      const tarball = packed().tarballs.find((one) => one.name === `@berth/${name}`);
      const paths = tarball?.files.map(({ path }) => path) ?? [];
      expect(paths).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE']));
      const built = paths.filter((path) => path.startsWith('dist/'));
      expect(built.filter((path) => path.endsWith('.js')).length).toBeGreaterThan(0);
      expect(built.filter((path) => path.endsWith('.js')).map((path) => path.replace(/\.js$/, '.d.ts'))).toEqual(
        built.filter((path) => path.endsWith('.d.ts')),
      );
      expect(paths.filter((path) => /^src\/|\.test\.|tsbuildinfo/.test(path))).toEqual([]);
    },
  );

  it('every export is imported by plain Node 24', async () => {
    const specifiers = (await Promise.all(packages.map(exportsOf))).flat().filter((specifier) => specifier !== '@berth/cli/main');
    const script = `for (const specifier of ${JSON.stringify(specifiers)}) await import(specifier);`;
    await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: directory, env: plainEnvironment() });
  });

  it('the installed berth tells its version', async () => {
    const { stdout } = await run(join(directory, 'node_modules/.bin/berth'), ['--version'], { cwd: directory, env: plainEnvironment() });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('the installed berth runs a pod on the installed fake', async () => {
    const container = '{name: main, image: "localhost/a:1"}';
    const annotations = '{fake.berth.dev/exit-after: 100ms, fake.berth.dev/output: "hello from afar"}';
    const manifest = `metadata: {name: a, annotations: ${annotations}}\nspec: {restartPolicy: Never, containers: [${container}]}\n`;
    await writeFile(join(directory, 'pod.yaml'), `apiVersion: v1\nkind: Pod\n${manifest}`);
    const { stdout } = await berth('run', '--once', '--runtime', 'fake', '-f', 'pod.yaml');
    expect(stdout).toContain('hello from afar');
  });

  it('a runtime that is not installed is named with the command that installs it', async () => {
    await expect(berth('run', '--once', '-f', 'pod.yaml')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('npm install @berth/runtime-runc'),
    });
  });

  it('the types of an author are checked against the published ones', async () => {
    await typeCheck(
      [
        "import { cniPlugin, run } from '@berth/sdk/cni/plugin';",
        "import type { Runtime } from '@berth/shim/runtime';",
        'export type Features = ReturnType<Runtime["features"]>;',
        'const plugin = cniPlugin({ add: ({ prevResult }) => prevResult ?? {}, del: () => undefined });',
        'process.exitCode = await run(plugin);',
        '// @ts-expect-error a plugin needs a way to undo ADD',
        'cniPlugin({ add: () => ({}) });',
        '',
      ].join('\n'),
    );
  });

  // The plugins are run by authors-guide.ts and device-authors-guide.ts.
  it.each(['cniPlugin', 'devicePlugin'])('the one of %s in README.md is one that compiles', async (kit) => {
    const text = await readFile(join(repository, 'README.md'), 'utf8');
    const snippets = [...text.matchAll(/```ts\n(.*?)```/gs)].flatMap(([, snippet = '']) => (snippet.includes(kit) ? [snippet] : []));
    expect(snippets).toHaveLength(1);
    await typeCheck(snippets[0] as string);
  });

  async function typeCheck(program: string): Promise<void> {
    await writeFile(join(directory, 'plugin.ts'), program);
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2024', '--module', 'nodenext'];
    const types = ['--types', 'node', '--typeRoots', join(repository, 'node_modules/@types')];
    await run(process.execPath, [join(repository, 'node_modules/tsc7/bin/tsc'), ...options, ...types, 'plugin.ts'], {
      cwd: directory,
    }).catch((error: { stdout: string }) => expect.fail(error.stdout));
  }

  async function berth(...args: string[]): Promise<{ stdout: string }> {
    const own = ['--root', join(directory, 'root'), '--run', join(directory, 'run')];
    return run(join(directory, 'node_modules/.bin/berth'), [...own, ...args], { cwd: directory, env: plainEnvironment() });
  }

  async function exportsOf(name: string): Promise<string[]> {
    const installed = JSON.parse(await readFile(join(directory, 'node_modules/@berth', name, 'package.json'), 'utf8'));
    return Object.keys(installed.exports).map((subpath) => subpath.replace('.', `@berth/${name}`));
  }
}
