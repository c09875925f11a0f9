import { randomBytes } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ContainerConfig, PodSandboxConfig } from '@berth/sdk/cri';
import { pino } from 'pino';
import { afterAll, describe, expect, vi } from 'vitest';
import type { CallDescription, Calls } from '../src/calls.ts';
import type { CgroupDriver } from '../src/oci/cgroup-driver.ts';
import { OciRuntime } from '../src/oci/oci-runtime.ts';
import type { ContainerSpec, Exit, SandboxSpec } from '../src/runtime.ts';
import { controllersWithDyingCgroups, leftovers, namesIn, textOf } from './host-leftovers.ts';

const busybox = onPath('busybox');
const applets = ['sh', 'echo', 'sleep', 'cat', 'true', 'ps', 'touch', 'dd', 'head', 'tail', 'hostname', 'ls', 'readlink', 'stty'];

/** Describes `subject` on each OCI runtime by its name; skipped, with the reason, where that can't work. */
export function describeOciRuntimes(subject: string, suite: (binary: string) => void): void {
  for (const binary of ['runc', 'crun']) {
    const missing = whyNot(binary);
    describe.skipIf(missing !== undefined)(`${subject} on ${binary}${missing ? ` (${missing})` : ''}`, () => {
      afterAll(() => vi.waitFor(() => expect(controllersWithDyingCgroups()).toEqual([]), { timeout: 5000 }));
      suite(binary);
    });
  }
}

interface RuntimeOptions {
  binary?: string;
  createDeadlineMs?: number;
  conmonWatchMs?: number;
  cgroupDriver?: CgroupDriver;
}

/** An OCI runtime over a temporary directory, a sandbox for it, and the containers that a test makes in that. */
export class OciHost {
  readonly binary: string;
  readonly calls = new RecordedCalls();
  readonly directory: string;
  readonly signal = AbortSignal.timeout(60_000);
  sandbox: SandboxSpec;
  runtime: OciRuntime;
  readonly #containers: ContainerSpec[] = [];
  readonly #ids: string[] = [];

  static async open(binary: string): Promise<OciHost> {
    const host = new OciHost(binary, await mkdtemp(join(tmpdir(), 'berth-oci-')));
    await makeRoot(host.root);
    await host.runtime.prepare(host.signal);
    return host;
  }

  private constructor(binary: string, directory: string) {
    this.binary = binary;
    this.directory = directory;
    this.sandbox = this.sandboxSpec();
    this.runtime = this.#newRuntime();
  }

  /** Removes what the test has made, which may leave nothing on the host. */
  async close(): Promise<void> {
    for (const container of this.#containers.splice(0)) await this.runtime.removeContainer(container, this.signal);
    await this.runtime.removeSandbox(this.sandbox, this.signal);
    await this.expectNothingLeft();
    await rm(this.directory, { recursive: true });
  }

  get root(): string {
    return join(this.directory, 'root');
  }

  /** A second runtime over the same directories. */
  async started(options: RuntimeOptions = {}): Promise<OciRuntime> {
    const runtime = this.#newRuntime(options);
    await runtime.prepare(this.signal);
    return runtime;
  }

  /** What a restart of the shim does to the runtime. */
  async restart(): Promise<void> {
    this.runtime = await this.started();
  }

  sandboxSpec(options: Partial<SandboxSpec> = {}): SandboxSpec {
    const id = this.#newId();
    return {
      id,
      config: PodSandboxConfig.fromPartial({ hostname: 'berth-test' }),
      directory: join(this.directory, 'sandboxes', id),
      namespaces: {},
      sharedPid: false,
      files: {},
      ...options,
    };
  }

  /** One that runs `script`, or `args` themselves. */
  container(script: string, config: Parameters<typeof ContainerConfig.fromPartial>[0] = {}, args = ['sh', '-c', script]): ContainerSpec {
    const id = this.#newId();
    const spec: ContainerSpec = {
      id,
      sandbox: this.sandbox,
      config: ContainerConfig.fromPartial({ metadata: { name: 'main' }, ...config }),
      directory: join(this.directory, 'runtimes', 'test', 'containers', id, 'runtime'),
      rootfs: { lowers: [], upper: '', work: '', mounted: this.root },
      process: { args, env: ['PATH=/bin'], cwd: '/', user: { uid: 0, gid: 0, additionalGids: [] } },
      mounts: [],
      logPath: join(this.directory, `${id}.log`),
      stopSignal: 'SIGTERM',
    };
    this.#containers.push(spec);
    return spec;
  }

  async run(spec: ContainerSpec): Promise<void> {
    await this.runtime.createContainer(spec, this.signal);
    await this.runtime.start(spec, this.signal);
  }

  async exitOf(spec: ContainerSpec): Promise<Exit> {
    for await (const event of this.runtime.events(this.signal)) {
      if (event.type === 'exited' && event.containerId === spec.id) return event.exit;
    }
    throw new Error('the events ended before the container did');
  }

  async logLines(spec: ContainerSpec): Promise<string[]> {
    return (await readFile(spec.logPath ?? '', 'utf8')).split('\n').filter(Boolean);
  }

  /** The log without time, stream and tag. */
  async printed(spec: ContainerSpec): Promise<string[]> {
    return (await this.logLines(spec)).map((line) => line.split(' ').slice(3).join(' '));
  }

  async killConmonOf(spec: ContainerSpec): Promise<void> {
    process.kill(Number(await readFile(join(spec.directory, 'conmon.pid'), 'utf8')), 'SIGKILL');
    await vi.waitFor(() => expect(this.leftovers().processes.join()).not.toContain('conmon'), { timeout: 5000 });
  }

  leftovers(): ReturnType<typeof leftovers> {
    return leftovers(this.directory, this.#ids);
  }

  /** No process, mount or cgroup of the sandbox and its containers. */
  async expectNothingLeft(): Promise<void> {
    const nothing = { processes: [], mounts: [], cgroups: [] };
    await vi.waitFor(() => expect(this.leftovers()).toEqual(nothing), { timeout: 5000 });
  }

  #newRuntime(options: RuntimeOptions = {}): OciRuntime {
    const log = pino({ level: 'silent' });
    const run = join(this.directory, 'run');
    return new OciRuntime({
      binary: this.binary,
      run,
      handler: 'test',
      calls: this.calls,
      log,
      cdiDirectories: [join(this.directory, 'cdi')],
      ...options,
    });
  }

  #newId(): string {
    const id = randomBytes(32).toString('hex');
    this.#ids.push(id);
    return id;
  }
}

class RecordedCalls implements Calls {
  readonly made: CallDescription[] = [];

  async record<Result>(call: CallDescription, work: () => Promise<Result>): Promise<Result> {
    this.made.push(call);
    return work();
  }
}

/** A root file system with the shell and some applets of busybox. */
export async function makeRoot(root: string): Promise<void> {
  await mkdir(join(root, 'bin'), { recursive: true });
  await copyFile(busybox ?? '', join(root, 'bin', 'busybox'));
  for (const applet of applets) await symlink('busybox', join(root, 'bin', applet));
}

export function onPath(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Why the tests on an OCI runtime can't run here. */
function whyNot(binary: string): string | undefined {
  if (process.getuid?.() !== 0) return 'this takes root';
  for (const program of [binary, 'conmon', 'busybox']) if (!onPath(program)) return `${program} is not on PATH`;
  if (!isStatic(readFileSync(busybox ?? ''))) return 'busybox is not a static executable';
  if (binary === 'crun' && isHybrid()) return 'crun refuses hosts with both cgroup hierarchies';
  return undefined;
}

/** Whether an ELF file of 64 bits names no interpreter (elf(5), PT_INTERP). */
function isStatic(file: Buffer): boolean {
  if (file.toString('latin1', 0, 4) !== '\x7fELF') return false;
  const [start, size, count] = [Number(file.readBigUInt64LE(32)), file.readUInt16LE(54), file.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => file.readUInt32LE(start + index * size)).every((type) => type !== 3);
}

/** Both hierarchies, and not every v1 controller that crun looks for. */
function isHybrid(): boolean {
  return namesIn('/sys/fs/cgroup').includes('unified') && !textOf('/proc/self/mountinfo').includes('perf_event');
}
