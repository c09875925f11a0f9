import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Report } from '@berth/conformance/suite';
import { connect } from '@berth/sdk/connect';
import {
  ContainerConfig,
  ContainerState,
  ImageServiceService,
  PodSandboxConfig,
  PullImageRequest,
  RuntimeServiceService,
} from '@berth/sdk/cri';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { cniDirectory } from '../../setup/paths.mjs';
import type { Ended } from '../fixtures/berth.ts';
import { NpmRegistry } from '../fixtures/npm-registry.ts';
import { type Packed, packages, plainEnvironment, type Tarball } from '../fixtures/packed.ts';
import { type Block, blocksOf, blockWith, follow as followIn } from '../fixtures/readme-guide.ts';
import { repository } from '../fixtures/tools.ts';

const mostLines = 120;
const mostLinesOfCniPlugin = 40;
const timeLimitMs = 180_000;

const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: greeting}
spec:
  restartPolicy: Never
  containers: [{name: main, image: busybox, command: [echo, hello from a process]}]
`;

/** What of Berth's an author has there; of plugins he has his own. */
function isOfPackages({ name }: Tarball): boolean {
  return packages.some((folder) => name === `@berth/${folder}`);
}

/** Follows "Write a runtime" of packages/shim/README.md to the letter, as somebody does who has nothing of this repository but its packages. */
export function authorsGuide(packed: () => Packed): void {
  let directory: string;
  let author: string;
  let registry: NpmRegistry;
  let blocks: Block[];
  let server: ChildProcess | undefined;

  beforeAll(async () => {
    blocks = await blocksOf('packages/shim/README.md', 'Write a runtime');
    directory = await realpath(await mkdtemp(join(tmpdir(), 'berth-author-')));
    author = join(directory, 'host-runtime');
    await mkdir(author);
    registry = await NpmRegistry.serve({ ...packed(), tarballs: packed().tarballs.filter(isOfPackages) });
    await writeFile(join(author, '.npmrc'), registry.npmrc);
    await writeFile(join(author, 'main.ts'), block('ts', 'implements Runtime'));
    await writeFile(join(author, 'conformance.test.ts'), block('ts', 'runCriSuite'));
    expect(await follow(block('sh', 'npm init'))).toMatchObject({ status: 0 });
  }, timeLimitMs);

  afterEach(async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGTERM');
    await once(server, 'exit');
  });

  afterAll(async () => {
    await registry.close();
    await rm(directory, { recursive: true, force: true });
  });

  it(`has a whole runtime of at most ${mostLines} lines`, () => {
    expect(block('ts', 'implements Runtime').split('\n').length - 1).toBeLessThanOrEqual(mostLines);
  });

  it('its packages install from tarballs of a checkout too', { timeout: timeLimitMs }, async () => {
    const cwd = join(directory, 'from-tarballs');
    await mkdir(cwd);
    await writeFile(join(cwd, '.npmrc'), 'prefer-offline=true\naudit=false\nfund=false\n');
    const [init = '', type = ''] = block('sh', 'npm init').split('\n');
    const install = block('sh', 'npm --prefix').replace('/path/to/berth', repository);
    expect(await follow(`${init}\n${type}\n${install}`, cwd)).toMatchObject({ status: 0 });
    await writeFile(join(cwd, 'main.ts'), block('ts', 'implements Runtime'));
    expect(await follow('node main.ts --help; npx berth --version', cwd)).toMatchObject({ status: 0 });
  });

  it('the runtime passes every case that it does not say it lacks, those of its crashes included', { timeout: timeLimitMs }, async () => {
    const { status, stdout } = await follow(block('sh', 'node --test'));
    const summary = /passed: (?<passed>\d+),\s+failed: (?<failed>\d+),\s+skipped: (?<skipped>\d+)/.exec(stdout)?.groups ?? {};
    expect([status, summary.failed], stdout).toEqual([0, '0']);
    expect(Number(summary.passed)).toBeGreaterThan(150);
    expect(stdout).not.toMatch(/not told how to restart/);
  });

  it('answers what crictl calls, and its containers outlive a kill', async () => {
    await serve();
    const runtime = connect(RuntimeServiceService, `unix://${author}/cri.sock`, { deadlineMs: 15_000 });
    const images = connect(ImageServiceService, `unix://${author}/cri.sock`, { deadlineMs: 15_000 });
    try {
      expect(await runtime.version({ version: 'v1' })).toMatchObject({ runtimeName: 'host-processes', runtimeApiVersion: 'v1' });
      expect((await runtime.status({ verbose: true })).status?.conditions.map(({ status }) => status)).toEqual([true, true]);
      await images.pullImage(PullImageRequest.fromPartial({ image: { image: 'busybox' } }));
      const metadata = { name: 'web', namespace: 'default', uid: 'u' };
      const { podSandboxId } = await runtime.runPodSandbox({ config: PodSandboxConfig.fromPartial({ metadata }), runtimeHandler: 'host' });
      const config = ContainerConfig.fromPartial({ metadata: { name: 'main' }, image: { image: 'busybox' }, command: ['sleep', '600'] });
      const { containerId } = await runtime.createContainer({ podSandboxId, config, sandboxConfig: undefined });
      await runtime.startContainer({ containerId });
      expect(String((await runtime.execSync({ containerId, cmd: ['echo', 'hello'], timeout: 5n })).stdout)).toBe('hello\n');
      server?.kill('SIGKILL');
      await serve();
      expect((await runtime.listContainers({ filter: undefined })).containers).toMatchObject([
        { id: containerId, state: ContainerState.CONTAINER_RUNNING },
      ]);
      await runtime.stopPodSandbox({ podSandboxId });
      await runtime.removePodSandbox({ podSandboxId });
      expect((await runtime.listPodSandbox({ filter: undefined })).items).toEqual([]);
    } finally {
      runtime.close();
      images.close();
    }
  });

  it('berth conform cri judges it from the installed packages, and writes all its reports', { timeout: timeLimitMs }, async () => {
    await serve();
    const judge = block('sh', 'berth conform cri').trim();
    expect(await follow(judge)).toMatchObject({ status: 0, stdout: expect.stringMatching(/ 0 failed, /) });
    expect(await readFile(join(author, 'report.html'), 'utf8')).toMatch(/^<!doctype html>/i);

    const endpoint = `--runtime-endpoint unix://${author}/cri.sock`;
    const reports = ['json', 'junit', 'tap'].map((format) => `--report ${format}=report.${format}`).join(' ');
    const some = await follow(`npx berth conform cri ${endpoint} --focus '^(sandbox|process\\.tty)' --skip '^sandbox\\.stop' ${reports}`);
    expect(some).toMatchObject({ status: 1, stdout: expect.stringContaining(' 1 failed, ') });
    const { summary, cases } = JSON.parse(await readFile(join(author, 'report.json'), 'utf8')) as Report;
    expect(summary.failed).toBe(1);
    expect(cases.find(({ id }) => id === 'process.tty')).toMatchObject({
      result: 'failed',
      reason: expect.stringContaining('plain processes'),
    });
    expect(cases.filter(({ id }) => id.startsWith('sandbox.stop'))).toEqual([]);
    expect(await readFile(join(author, 'report.junit'), 'utf8')).toContain(`tests="${cases.length}"`);
    expect(await readFile(join(author, 'report.tap'), 'utf8')).toContain(`1..${cases.length}`);

    const listed = await follow("npx berth conform cri --list --focus '^log'");
    expect([listed.status, listed.stdout.split('\n')[0]]).toEqual([0, expect.stringMatching(/^CASE +CLAUSE$/)]);
    expect(await follow('npx berth conform cri --runtime-endpoint unix:///no/such.sock')).toMatchObject({ status: 1 });
  });

  it("a node runs a pod on it by the guide's berth.yaml", { timeout: timeLimitMs }, async () => {
    const configuration = block('yaml', 'kind: NodeConfiguration').replace('/path/to/host-runtime', author);
    await writeFile(join(author, 'berth.yaml'), `${configuration}cgroupRoot: /berth-author-${process.pid}\n`);
    await writeFile(join(author, 'pod.yaml'), manifest);
    expect(await follow('npm install @berth/cli')).toMatchObject({ status: 0 });
    const own = `npx berth --root ${directory}/node --run ${directory}/node-run`;
    const ended = await follow(`${block('sh', 'berth --node-config').trim().replace('npx berth', own)} --once`);
    expect(ended).toMatchObject({ status: 0, stdout: expect.stringMatching(/hello from a process$/m) });
  });

  it('a CNI plugin works with berth cni and passes the suite', { timeout: timeLimitMs }, async ({ skip }) => {
    skip(process.getuid?.() !== 0, 'network namespaces need root');
    const guide = await blocksOf('packages/sdk/README.md', 'Write a CNI plugin');
    const cwd = join(directory, 'label-plugin');
    await mkdir(cwd);
    await writeFile(join(cwd, '.npmrc'), registry.npmrc);
    expect(await follow(block('sh', 'npm install', guide), cwd)).toMatchObject({ status: 0 });
    const source = block('js', 'cniPlugin', guide);
    expect(source.split('\n').length - 1).toBeLessThanOrEqual(mostLinesOfCniPlugin);
    await writeFile(join(cwd, 'bin/label'), source);
    const network = JSON.parse(block('json', 'plugins', guide));
    network.plugins[0].ipam.dataDir = join(cwd, 'addresses');
    await writeFile(join(cwd, 'net.d/10-labelled.conflist'), JSON.stringify(network));
    // Named namespaces are the whole host's, and so are results.
    const own = block('sh', 'npx berth cni add', guide)
      .replaceAll('/opt/cni/bin', cniDirectory)
      .replaceAll(/(netns (?:add|delete) |\/run\/netns\/|ip -n )labelled/g, `$1berth-author-${process.pid}`)
      .replaceAll('npx berth cni', `npx berth cni --cache-dir ${cwd}/cache`);
    await writeFile(join(cwd, 'use.sh'), own);
    const used = await follow('unshare --net sh -e use.sh', cwd);
    await follow(`ip netns delete berth-author-${process.pid}`, cwd);
    expect(used).toMatchObject({ status: 0 });
    expect(used.stdout).toMatch(
      /labelled +\S*used\S* +the only one that loads; cniVersion 1\.0\.0; plugins bridge \(ipam host-local\), label/,
    );
    expect(used.stdout).toContain("alias the quay's");
    expect(await readdir(join(cwd, 'cache/results'))).toEqual([]);
    const judged = await follow(block('sh', 'berth conform cni', guide), cwd);
    expect(judged).toMatchObject({ status: 0, stdout: expect.stringMatching(/ \d+ passed, 0 failed, /) });
  });

  function block(language: string, part: string, from = blocks): string {
    return blockWith(from, language, part);
  }

  function follow(commands: string, cwd = author): Promise<Ended> {
    return followIn(commands, cwd);
  }

  async function serve(): Promise<void> {
    const command = block('sh', 'node main.ts --listen').trim();
    const started = spawn('sh', ['-c', `exec ${command}`], { cwd: author, env: plainEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] });
    server = started;
    const said = createInterface(started.stderr);
    const serving = once(said, 'line', { signal: AbortSignal.timeout(60_000) });
    expect(String(await serving)).toContain('"serving"');
  }
}
