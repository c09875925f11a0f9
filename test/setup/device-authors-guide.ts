import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NpmRegistry } from '../fixtures/npm-registry.ts';
import { type Packed, plainEnvironment } from '../fixtures/packed.ts';
import { type Block, blocksOf, blockWith, follow } from '../fixtures/readme-guide.ts';
import { repository } from '../fixtures/tools.ts';

const mostLines = 40;
const timeLimitMs = 180_000;
const lineLimitMs = 60_000;

/** Follows "A device plugin without a cluster" of README.md to the letter, as somebody does who has nothing of this repository but its packages. */
export function deviceAuthorsGuide(packed: () => Packed): void {
  let author: string;
  let registry: NpmRegistry;
  let blocks: Block[];
  const started: ChildProcess[] = [];

  beforeAll(async () => {
    blocks = await blocksOf('README.md', 'A device plugin without a cluster');
    author = await realpath(await mkdtemp(join(tmpdir(), 'berth-device-author-')));
    registry = await NpmRegistry.serve(packed());
    await writeFile(join(author, '.npmrc'), registry.npmrc);
    await writeFile(join(author, 'serial-ports.ts'), blockWith(blocks, 'ts', 'devicePlugin'));
  }, timeLimitMs);

  afterAll(async () => {
    for (const child of started) await end(child);
    await registry.close();
    await rm(author, { recursive: true, force: true });
  });

  it(`has a whole plugin of less than ${mostLines} lines, the one of the examples`, async () => {
    const listing = blockWith(blocks, 'ts', 'devicePlugin');
    expect(listing.split('\n').length - 1).toBeLessThan(mostLines);
    expect(listing).toBe(await readFile(join(repository, 'examples/device-plugin/serial-ports.ts'), 'utf8'));
  });

  it('installs, and starts the plugin, which waits for a kubelet', { timeout: timeLimitMs }, async () => {
    const [serving = '', ...before] = blockWith(blocks, 'sh', 'npm install').trim().split('\n').toReversed();
    expect(await follow(before.toReversed().join('\n'), author)).toMatchObject({ status: 0 });
    const plugin = start(serving);
    const [said] = await once(createInterface(plugin.stderr), 'line', { signal: AbortSignal.timeout(lineLimitMs) });
    expect(said).toMatch(/^example\.org\/serial-port: waiting for a kubelet: there is no .*\/kubelet\.sock$/);
  });

  it('has a session with the mock kubelet, line by line', { timeout: lineLimitMs }, async () => {
    const [command = '', ...lines] = blockWith(blocks, 'console', 'mock-kubelet').replaceAll('/home/you', author).trim().split('\n');
    const session = start(command.replace('$ ', ''));
    const [said, complained] = [linesOf(session.stdout), linesOf(session.stderr)];
    const ended = once(session, 'exit');
    for (const line of lines) {
      if (line.startsWith('> ')) session.stdin.write(`${line.slice(2)}\n`);
      else expect((await (line.startsWith('failed ') ? complained : said).next()).value).toBe(line);
    }
    expect(await ended).toEqual([1, null]);
    expect(await socketsIn(join(author, 'kubelet/plugins_registry'))).toEqual([]);
  });

  it('has a line for scripts', { timeout: timeLimitMs }, async () => {
    const { status, stdout } = await follow(blockWith(blocks, 'sh', ' -e '), author);
    expect(status).toBe(0);
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const allocated = { result: { container: 'container-1', ids: ['ttyUSB1'], response: { envs: { SERIAL_PORTS: '/dev/ttyUSB1' } } } };
    expect(answers.find(({ command }) => command?.startsWith('allocate'))).toMatchObject(allocated);
  });

  it('passes the conformance suite', { timeout: timeLimitMs }, async () => {
    expect(await follow(blockWith(blocks, 'sh', 'conform device'), author)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/ [1-9]\d* passed, 0 failed, /),
    });
  });

  it('the test in the README of @berth/sdk passes', { timeout: timeLimitMs }, async () => {
    const guide = await blocksOf('packages/sdk/README.md', 'Write a device plugin');
    await writeFile(join(author, 'serial-ports.test.ts'), blockWith(guide, 'ts', 'new MockKubelet'));
    expect(await follow('TMPDIR=$PWD node --test serial-ports.test.ts', author)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/pass 1\n/),
    });
    expect((await readdir(author)).filter((name) => name.startsWith('kubelet-'))).toEqual([]);
  });

  it('leaves no socket when the plugin ends', async () => {
    for (const child of started) await end(child);
    expect(await socketsIn(join(author, 'kubelet/device-plugins'))).toEqual([]);
  });

  function start(command: string) {
    const child = spawn('sh', ['-c', `exec ${command}`], { cwd: author, env: { ...plainEnvironment(), NO_COLOR: '1' }, stdio: 'pipe' });
    started.push(child);
    return child;
  }
}

/** What npm says of itself depends on where it runs. */
async function* linesOf(stream: Readable): AsyncGenerator<string, void> {
  for await (const line of createInterface(stream)) if (!line.startsWith('npm ')) yield line;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit', { signal: AbortSignal.timeout(lineLimitMs) });
}

async function socketsIn(directory: string): Promise<string[]> {
  return (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isSocket()).map(({ name }) => name);
}
