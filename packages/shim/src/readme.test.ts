import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '@berth/sdk/connect';
import { ContainerState, ImageServiceService, PullImageRequest, RuntimeServiceService } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShimProcess } from '../testing/shim-process.ts';
import { containerConfig, image, podConfig } from '../testing/test-shim.ts';
import { imageService } from './image/image-service.ts';
import type { Images } from './image/images.ts';
import { runtimeService } from './runtime-service.ts';
import type { Shim } from './shim.ts';

const readme = fileURLToPath(new URL('../README.md', import.meta.url));
const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));

it("the servers answer every call of CRI, and the README's table has them all", async () => {
  const text = await readFile(readme, 'utf8');
  const table = text.slice(text.indexOf('## Calls of CRI'), text.indexOf('## Write a runtime'));
  const listed = table.split('\n').flatMap((line) => /^\| (?:Runtime|Image)Service.*?\|(.*)\|$/.exec(line)?.[1]?.match(/\w+/g) ?? []);
  const answered = [...Object.keys(runtimeService({} as Shim)), ...Object.keys(imageService({} as Images))];
  const all = [...Object.keys(RuntimeServiceService), ...Object.keys(ImageServiceService)];
  expect(answered.toSorted()).toEqual(all.toSorted());
  expect(listed.toSorted()).toEqual(all.map((method) => method.charAt(0).toUpperCase() + method.slice(1)).toSorted());
});

describe.skipIf(process.platform !== 'linux')("the README's whole runtime (it reads /proc, which only Linux has)", () => {
  let directory: string;
  let shim: ShimProcess;

  beforeEach(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'berth-readme-')));
    const programs = [...(await readFile(readme, 'utf8')).matchAll(/```ts\n(.*?)```/gs)].map(([, program = '']) => program);
    const whole = programs.find((program) => program.includes('implements Runtime'));
    await mkdir(join(directory, 'logs'));
    await symlink(modules, join(directory, 'node_modules'));
    await writeFile(join(directory, 'package.json'), '{ "type": "module" }');
    await writeFile(join(directory, 'main.ts'), whole ?? '');
    shim = await start();
  });

  afterEach(async () => {
    shim.kill('SIGTERM');
    await shim.ended();
    await rm(directory, { recursive: true });
  });

  async function start(): Promise<ShimProcess> {
    const args = ['--listen', `unix://${directory}/cri.sock`, '--root', join(directory, 'root'), '--run', join(directory, 'run')];
    const started = new ShimProcess(args, {}, join(directory, 'main.ts'));
    await started.printed(/"serving"/);
    return started;
  }

  it('runs a pod, keeps it over a kill of the shim, and tells how it ended', async () => {
    const runtime = connect(RuntimeServiceService, `unix://${directory}/cri.sock`, { deadlineMs: 15_000 });
    const images = connect(ImageServiceService, `unix://${directory}/cri.sock`, { deadlineMs: 15_000 });
    await images.pullImage(PullImageRequest.fromPartial({ image: { image } }));
    const config = podConfig({ logDirectory: join(directory, 'logs') });
    const { podSandboxId } = await runtime.runPodSandbox({ config, runtimeHandler: 'host' });

    const command = ['sh', '-c', 'trap "exit 7" TERM; echo "hello from $WHO"; while :; do sleep 0.05; done'];
    const container = containerConfig({ command, envs: [{ key: 'WHO', value: Buffer.from('a process') }], logPath: 'main.log' });
    const { containerId } = await runtime.createContainer({ podSandboxId, config: container, sandboxConfig: undefined });
    await runtime.startContainer({ containerId });
    const log = () => readFile(join(directory, 'logs/main.log'), 'utf8').catch(() => '');
    await expect.poll(log).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout F hello from a process\n$/);

    shim.kill('SIGKILL');
    await shim.ended();
    shim = await start();
    const state = async () => (await runtime.containerStatus({ containerId, verbose: false })).status;
    expect(await state()).toMatchObject({ state: ContainerState.CONTAINER_RUNNING });
    await runtime.stopContainer({ containerId, timeout: 10n });
    expect(await state()).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 7 });
    await runtime.removePodSandbox({ podSandboxId });
    expect((await runtime.listPodSandbox({ filter: undefined })).items).toEqual([]);
    runtime.close();
    images.close();
  });
});
