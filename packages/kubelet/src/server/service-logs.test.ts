import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TestNode } from '../../testing/node.ts';
import { defaultServerOptions } from './server-options.ts';

let node: TestNode;

beforeEach(async () => {
  node = await TestNode.create();
  for (const directory of ['bin', 'manifests', 'host-logs/deep']) await mkdir(join(node.root, directory), { recursive: true });
  await writeFile(join(node.root, 'host-logs/plain.log'), 'a plain line\n');
  await writeFile(join(node.root, 'host-logs/deep/deep.log'), 'a deep line\n');
  await writeFile(join(node.root, 'secret'), 'hidden');
  vi.stubEnv('PATH', `${join(node.root, 'bin')}:${process.env.PATH}`);
  const server = { ...defaultServerOptions, enableServer: false, healthzPort: 0, enableSystemLogQuery: true };
  node.replaceKubelet({ nodeLogDir: join(node.root, 'host-logs'), server });
  await node.kubelet.start();
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await node.remove();
});

/** By default the journal knows of one service, and says how it was asked. */
async function withJournal(
  script = 'case $1 in --field*) echo known.service;; *) echo "$@"; echo "a complaint" >&2;; esac',
): Promise<void> {
  await writeFile(join(node.root, 'bin/journalctl'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

it.each([
  ['query=known', '--utc --no-pager --output=short-precise --unit=known\na complaint\n'],
  [
    'query=known&tailLines=5&boot=-1&pattern=a.b&sinceTime=2024-01-01T00:00:00Z&untilTime=2024-01-01T01:00:00.5%2B01:00',
    '--utc --no-pager --output=short-precise --since=@1704067200 --until=@1704067200.5 --lines=5 --unit=known --grep=a.b --boot=-1\na complaint\n',
  ],
  ['query=plain&query=deep', 'a plain line\na deep line\n'],
  ['query=known&query=plain', '--utc --no-pager --output=short-precise --unit=known\na complaint\na plain line\n'],
  ['query=nobody', '\nlog not found for nobody\n'],
  ['query=plain&tailLines=1', '\noptions present and query resolved to log files for [plain]\ntry without specifying options\n'],
  ['query=/deep/deep.log', 'a deep line\n'],
])('%s', async (query, body) => {
  await withJournal();
  expect(await node.get(`/logs/?${query}`)).toEqual({ status: 200, body });
});

it('on a host without a journal files are left', async () => {
  await withJournal('exit 1');
  expect(await node.get('/logs/?query=plain')).toEqual({ status: 200, body: 'a plain line\n' });
});

it.each([
  ['/logs/?query=/../secret', 404],
  ['/logs/?query=/deep/../../secret', 404],
  ['/logs/?query=a;b', 400],
  ['/logs/plain.log?query=known', 406],
])('GET %s is answered with %i', async (path, status) => {
  expect(await node.get(path)).toMatchObject({ status, body: expect.not.stringContaining('hidden') });
});
