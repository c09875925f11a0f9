import { randomBytes } from 'node:crypto';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ContainerConfig, NamespaceMode, PodSandboxConfig, SecurityProfile_ProfileType } from '@berth/sdk/cri';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallDescription, Calls } from '../calls.ts';
import type { ContainerSpec, Exit, RuntimeEvent, SandboxSpec } from '../runtime.ts';
import { pinNamespaces, unpinNamespaces } from '../sandbox/sandbox-namespaces.ts';
import { OciRuntime } from './oci-runtime.ts';

const busybox = onPath('busybox');
const applets = ['sh', 'echo', 'sleep', 'cat', 'true', 'ps', 'touch', 'dd', 'head', 'tail', 'hostname', 'ls', 'readlink'];

for (const binary of ['runc', 'crun']) {
  const missing = whyNot(binary);
  describe.skipIf(missing !== undefined)(`OciRuntime on ${binary}${missing ? ` (${missing})` : ''}`, () => suite(binary));
}

function suite(binary: string): void {
  const signal = AbortSignal.timeout(60_000);
  const calls = new RecordingCalls();
  let directory: string;
  let stopEvents: AbortController;
  let before: Leftovers;
  let runtime: OciRuntime;
  let sandbox: SandboxSpec;
  const made: ContainerSpec[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-oci-'));
    before = leftovers(directory);
    stopEvents = new AbortController();
    calls.made.length = 0;
    await makeRoot(join(directory, 'root'));
    runtime = await restarted();
    sandbox = sandboxSpec();
  });

  afterEach(async () => {
    for (const container of made.splice(0)) await runtime.removeContainer(container, signal);
    await runtime.removeSandbox(sandbox, signal);
    stopEvents.abort();
    await vi.waitFor(() => expect(leftovers(directory)).toEqual(before), { timeout: 5000 });
    await rm(directory, { recursive: true });
  });

  /** A runtime as after a start of the shim, over the same directories. */
  async function restarted(options: { binary?: string; createDeadlineMs?: number } = {}): Promise<OciRuntime> {
    const fresh = new OciRuntime({
      binary,
      run: join(directory, 'run'),
      handler: 'test',
      calls,
      log: pino({ level: 'silent' }),
      ...options,
    });
    await fresh.prepare(signal);
    return fresh;
  }

  function sandboxSpec(options: Partial<SandboxSpec> = {}): SandboxSpec {
    const id = newId();
    return {
      id,
      config: PodSandboxConfig.fromPartial({ hostname: 'berth-test' }),
      directory: join(directory, 'sandboxes', id),
      namespaces: {},
      sharedPid: false,
      files: {},
      ...options,
    };
  }

  function container(
    script: string,
    config: Parameters<typeof ContainerConfig.fromPartial>[0] = {},
    args = ['sh', '-c', script],
  ): ContainerSpec {
    const id = newId();
    const spec: ContainerSpec = {
      id,
      sandbox,
      config: ContainerConfig.fromPartial({ metadata: { name: 'main' }, ...config }),
      directory: join(directory, 'runtimes', 'test', 'containers', id, 'runtime'),
      rootfs: { lowers: [], upper: '', work: '', mounted: join(directory, 'root') },
      process: { args, env: [], cwd: '/', user: { uid: 0, gid: 0, additionalGids: [] } },
      mounts: [],
      logPath: join(directory, `${id}.log`),
      stopSignal: 'SIGTERM',
    };
    made.push(spec);
    return spec;
  }

  async function run(spec: ContainerSpec): Promise<void> {
    await runtime.createContainer(spec, signal);
    await runtime.start(spec, signal);
  }

  async function exitOf(spec: ContainerSpec): Promise<Exit> {
    for await (const event of runtime.events(AbortSignal.any([signal, stopEvents.signal]))) {
      if (event.type === 'exited' && event.containerId === spec.id) return event.exit;
    }
    throw new Error('the events ended before the container did');
  }

  async function logLines(spec: ContainerSpec): Promise<string[]> {
    return (await readFile(spec.logPath ?? '', 'utf8')).split('\n').filter(Boolean);
  }

  /** Without time, stream and tag. */
  async function printed(spec: ContainerSpec): Promise<string[]> {
    return (await logLines(spec)).map((line) => line.split(' ').slice(3).join(' '));
  }

  it('tells the exit code and writes stdout and stderr in CRI log format', async () => {
    const spec = container('echo out; echo err >&2; exit 3');
    const started = Date.now();
    await run(spec);
    const exit = await exitOf(spec);
    expect(exit.exitCode).toBe(3);
    expect(exit.reason).toBeUndefined();
    expect(exit.finishedAt.getTime()).toBeGreaterThan(started - 1000);
    const lines = await logLines(spec);
    expect(lines).toHaveLength(2);
    expect(lines).toContainEqual(expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d) stdout F out$/));
    expect(lines).toContainEqual(expect.stringMatching(/ stderr F err$/));
  });

  it('does not run the process before start', async () => {
    const spec = container('echo ran');
    await runtime.createContainer(spec, signal);
    expect(await logLines(spec)).toEqual([]);
    await runtime.removeContainer(spec, signal);
    expect(await logLines(spec)).toEqual([]);
  });

  it('delivers a signal, and 128 + its number is the exit code of a process that it ended', async () => {
    const spec = container("trap 'exit 7' TERM; echo ready; while true; do sleep 0.05; done");
    await run(spec);
    await vi.waitFor(async () => expect(await logLines(spec)).toHaveLength(1));
    await runtime.signal(spec, 'SIGTERM', signal);
    expect((await exitOf(spec)).exitCode).toBe(7);
    const killed = container('sleep 60');
    await run(killed);
    await runtime.signal(killed, 'SIGKILL', signal);
    expect((await exitOf(killed)).exitCode).toBe(137);
  });

  it('takes a signal to an ended or missing container, and a second removal, for success', async () => {
    const spec = container('true');
    await runtime.signal(spec, 'SIGTERM', signal);
    await run(spec);
    await exitOf(spec);
    await runtime.signal(spec, 'SIGTERM', signal);
    await runtime.removeContainer(spec, signal);
    await runtime.removeContainer(spec, signal);
  });

  it('names the container and the missing executable, and leaves nothing of the container', async () => {
    const spec = container('', {}, ['nope']);
    const failure = runtime.createContainer(spec, signal);
    await expect(failure).rejects.toThrow(/container main.*"?nope"?.*not found/);
    await vi.waitFor(() => expect(leftovers(directory).processes).toEqual(before.processes), { timeout: 5000 });
  });

  it('finds running, exited and created containers again after a restart, with their logs whole', async () => {
    const running = container('echo one; while ! [ -e /go ]; do sleep 0.05; done; echo two; exit 5');
    const ended = container('exit 4');
    const created = container('echo later');
    await run(running);
    await run(ended);
    await exitOf(ended);
    await runtime.createContainer(created, signal);
    runtime = await restarted();
    const found = await runtime.recover({ sandboxes: [sandbox], containers: [running, ended, created] }, signal);
    expect(found.sandboxes).toEqual([sandbox.id]);
    expect(found.containers).toMatchObject({
      [running.id]: { state: 'running' },
      [ended.id]: { state: 'exited', exit: { exitCode: 4 } },
      [created.id]: { state: 'created' },
    });
    await writeFile(join(directory, 'root', 'go'), '');
    expect((await exitOf(running)).exitCode).toBe(5);
    expect(await logLines(running)).toEqual([expect.stringMatching(/ one$/), expect.stringMatching(/ two$/)]);
    await runtime.start(created, signal);
    expect((await exitOf(created)).exitCode).toBe(0);
  });

  it('removes unknown containers of its own at recovery', async () => {
    const spec = container('sleep 60');
    await run(spec);
    runtime = await restarted();
    const found = await runtime.recover({ sandboxes: [sandbox], containers: [] }, signal);
    expect(found.containers).toEqual({});
    await vi.waitFor(() => expect(leftovers(directory)).toEqual(before), { timeout: 5000 });
  });

  it('ends what a dead conmon has left unwatched at recovery, since nobody would tell how it ends', async () => {
    const spec = container('sleep 60');
    await run(spec);
    process.kill(Number(await readFile(join(spec.directory, 'conmon.pid'), 'utf8')), 'SIGKILL');
    await vi.waitFor(() => expect(leftovers(directory).processes.join()).not.toContain('conmon'), { timeout: 5000 });
    runtime = await restarted();
    const found = await runtime.recover({ sandboxes: [sandbox], containers: [spec] }, signal);
    expect(found.containers[spec.id]).toMatchObject({
      state: 'exited',
      exit: { exitCode: 137, message: expect.stringContaining('conmon') },
    });
    await vi.waitFor(() => expect(leftovers(directory).processes).toEqual(before.processes), { timeout: 5000 });
  });

  it('ends what runs when the sandbox is stopped', async () => {
    const spec = container('sleep 60');
    await run(spec);
    await runtime.stopSandbox(sandbox, signal);
    expect((await exitOf(spec)).exitCode).toBe(137);
  });

  it('says 137 of a container whose conmon was killed', async () => {
    const spec = container('sleep 60');
    await run(spec);
    process.kill(Number(await readFile(join(spec.directory, 'conmon.pid'), 'utf8')), 'SIGKILL');
    await runtime.signal(spec, 'SIGKILL', signal);
    expect((await exitOf(spec)).exitCode).toBe(137);
  });

  it('gives up on an OCI runtime that hangs, and ends it', async () => {
    const hanging = join(directory, 'hanging-runtime');
    await writeFile(hanging, '#!/bin/sh\n[ "$1" = --version ] && echo "hang version 1.0" && exit\nsleep 300\n');
    await chmod(hanging, 0o755);
    const stuck = await restarted({ binary: hanging, createDeadlineMs: 500 });
    await expect(stuck.createContainer(container('true'), signal)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: expect.stringContaining('hanging-runtime create of container main'),
    });
    await vi.waitFor(() => expect(leftovers(directory)).toEqual(before), { timeout: 5000 });
  });

  // conmon is being executed, then the OCI runtime, then it makes cgroups, then it waits for the container's first process.
  it.each([1, 10, 20, 25, 30, 35])('leaves nothing of a create that was aborted after %d ms', async (after) => {
    const spec = container('true');
    const failure = await runtime.createContainer(spec, AbortSignal.timeout(after)).catch((error: unknown) => error);
    // An OCI runtime may be quicker than that.
    if (failure === undefined) await runtime.removeContainer(spec, signal);
    else expect(failure).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await vi.waitFor(() => expect(leftovers(directory)).toEqual(before), { timeout: 5000 });
  });

  it('shares one PID namespace among the containers of a sandbox that asks for it', async (test) => {
    if (!onPath('catatonit')) return test.skip('catatonit is not on PATH');
    sandbox = sandboxSpec({ sharedPid: true });
    await runtime.createSandbox(sandbox, signal);
    const first = container('sleep 61');
    await run(first);
    const second = container('ps');
    await run(second);
    await exitOf(second);
    expect((await logLines(second)).join('\n')).toMatch(/catatonit -P(.|\n)*sleep 61/);
    runtime = await restarted();
    const found = await runtime.recover({ sandboxes: [sandbox], containers: [first] }, signal);
    expect(found.sandboxes).toEqual([sandbox.id]);
    process.kill(Number(await readFile(join(sandbox.directory, 'pause', 'container.pid'), 'utf8')), 'SIGKILL');
    for await (const event of runtime.events(signal)) if (isSandboxGone(event, sandbox.id)) break;
  });

  it("holds a shared PID namespace from inside the sandbox's other namespaces, not the host's", async (test) => {
    if (!onPath('catatonit')) return test.skip('catatonit is not on PATH');
    const pins = join(directory, 'pins');
    sandbox = sandboxSpec({ sharedPid: true, namespaces: await pinNamespaces(pins, ['network', 'ipc', 'uts'], 'berth-test', signal) });
    await runtime.createSandbox(sandbox, signal);
    const pid = (await readFile(join(sandbox.directory, 'pause', 'container.pid'), 'utf8')).trim();
    const own = await Promise.all(['net', 'ipc', 'uts'].map((kind) => stat(`/proc/${pid}/ns/${kind}`)));
    const pinned = await Promise.all(['network', 'ipc', 'uts'].map((kind) => stat(join(pins, kind))));
    expect(own.map(({ ino }) => ino)).toEqual(pinned.map(({ ino }) => ino));
    await runtime.removeSandbox(sandbox, signal);
    await unpinNamespaces(pins, signal);
  });

  it("joins the sandbox's network, IPC and UTS namespaces, and shares /dev/shm among its containers", async () => {
    const pins = join(directory, 'pins');
    sandbox = sandboxSpec({ namespaces: await pinNamespaces(pins, ['network', 'ipc', 'uts'], 'berth-test', signal) });
    await runtime.createSandbox(sandbox, signal);
    const first = container('hostname; ls /sys/class/net; echo shared > /dev/shm/file');
    await run(first);
    await exitOf(first);
    const second = container('cat /dev/shm/file; readlink /proc/self/ns/net; readlink /proc/self/ns/ipc');
    await run(second);
    await exitOf(second);
    const [network, ipc] = await Promise.all([stat(join(pins, 'network')), stat(join(pins, 'ipc'))]);
    expect(await printed(first)).toEqual(['berth-test', 'lo']);
    expect(await printed(second)).toEqual(['shared', `net:[${network.ino}]`, `ipc:[${ipc.ino}]`]);
    runtime = await restarted();
    const known = { sandboxes: [sandbox], containers: [] };
    expect((await runtime.recover(known, signal)).sandboxes).toEqual([sandbox.id]);
    await runtime.recover({ sandboxes: [], containers: [] }, signal);
    expect(leftovers(directory).mounts.join()).not.toContain('/shm/');
    await runtime.removeSandbox(sandbox, signal);
    await unpinNamespaces(pins, signal);
    expect((await runtime.recover(known, signal)).sandboxes).toEqual([]);
  });

  it("says OOMKilled of a container that the kernel's OOM killer ended", async () => {
    const spec = container('head -c 200m /dev/zero | tail -n 1 > /dev/null; exit $?', {
      linux: { resources: { memoryLimitInBytes: 16n << 20n, memorySwapLimitInBytes: 16n << 20n } },
    });
    await run(spec);
    expect(await exitOf(spec)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
  });

  it('gives a terminal to a container that asks for one', async () => {
    const spec = container('[ -t 0 ] && [ -t 1 ] && echo terminal', { tty: true, stdin: true });
    await run(spec);
    expect((await exitOf(spec)).exitCode).toBe(0);
    expect((await logLines(spec))[0]).toMatch(/ stdout [FP] terminal/);
  });

  it('mounts volumes, read-only where asked, and keeps no log for a container without a log path', async () => {
    await mkdir(join(directory, 'volume'));
    const volume = { source: join(directory, 'volume'), destination: '/volume', readonly: false, propagation: 'private' } as const;
    const spec = container('echo kept > /volume/file; ! touch /readonly/file && touch /file');
    spec.mounts = [volume, { ...volume, destination: '/readonly', readonly: true }];
    spec.logPath = undefined;
    await run(spec);
    expect((await exitOf(spec)).exitCode).toBe(0);
    expect(await readFile(join(directory, 'volume', 'file'), 'utf8')).toBe('kept\n');
  });

  it('refuses a log path that conmon would cut off', async () => {
    const spec = container('true');
    spec.logPath = join(directory, 'a:b.log');
    await expect(runtime.createContainer(spec, signal)).rejects.toThrow(/container main.*a:b\.log/);
    expect(readdirSync(directory)).not.toContain('a');
  });

  it('runs privileged and unprivileged containers with the rights that they asked for', async () => {
    const context = { namespaceOptions: { pid: NamespaceMode.CONTAINER } };
    const effective = async (securityContext: object): Promise<bigint> => {
      const spec = container('while read key value; do [ $key = CapEff: ] && echo $value; done < /proc/self/status; exit 0', {
        linux: { securityContext: { ...context, ...securityContext } },
      });
      await run(spec);
      await exitOf(spec);
      return BigInt(`0x${(await printed(spec))[0]}`);
    };
    expect(await effective({})).toBe(0xa80425fbn);
    expect(await effective({ capabilities: { dropCapabilities: ['ALL'], addCapabilities: ['NET_ADMIN'] } })).toBe(1n << 12n);
    expect(await effective({ privileged: true })).toBe(boundingSet());
  });

  it('filters system calls unless told otherwise', async () => {
    const mode = async (config: Parameters<typeof ContainerConfig.fromPartial>[0]): Promise<string | undefined> => {
      const spec = container('while read key value; do [ $key = Seccomp: ] && echo $value; done < /proc/self/status; exit 0', config);
      await run(spec);
      await exitOf(spec);
      return (await printed(spec))[0];
    };
    expect(await mode({})).toBe('2');
    expect(await mode({ linux: { securityContext: { seccomp: { profileType: SecurityProfile_ProfileType.Unconfined } } } })).toBe('0');
  });

  it('records each call of the OCI runtime by the name of the container', async () => {
    const spec = container('sleep 60');
    await run(spec);
    await runtime.removeContainer(spec, signal);
    expect(
      calls.made.map(
        ({ protocol, plugin, method, subject, sandboxId }) => `${protocol} ${plugin} ${method} ${subject} ${sandboxId === sandbox.id}`,
      ),
    ).toEqual(['create', 'start', 'kill', 'delete'].map((method) => `oci ${binary} ${method} main true`));
  });
}

function isSandboxGone(event: RuntimeEvent, id: string): boolean {
  return event.type === 'sandboxGone' && event.sandboxId === id;
}

class RecordingCalls implements Calls {
  readonly made: CallDescription[] = [];

  async record<Result>(call: CallDescription, work: () => Promise<Result>): Promise<Result> {
    this.made.push(call);
    return work();
  }
}

interface Leftovers {
  processes: string[];
  mounts: string[];
  cgroups: string[];
}

/** What of the containers below `directory` is on the host. Their ids are in no other test's. */
function leftovers(directory: string): Leftovers {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => `${textOf(`/proc/${pid}/cmdline`)} ${textOf(`/proc/${pid}/cgroup`)}`)
    .filter((line) => line.includes(directory) || [...ids].some((id) => line.includes(id)));
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(directory));
  const names = cgroupNames();
  const cgroups = [...ids].filter((id) => names.has(id));
  return { processes, mounts, cgroups };
}

/** Empty for a process that has ended meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function cgroupNames(): Set<string> {
  const roots = ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((name) => join('/sys/fs/cgroup', name))];
  return new Set(roots.flatMap(namesIn));
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

const ids = new Set<string>();

function newId(): string {
  const id = randomBytes(32).toString('hex');
  ids.add(id);
  return id;
}

async function makeRoot(root: string): Promise<void> {
  await mkdir(join(root, 'bin'), { recursive: true });
  await copyFile(busybox ?? '', join(root, 'bin', 'busybox'));
  for (const applet of applets) await symlink('busybox', join(root, 'bin', applet));
}

function boundingSet(): bigint {
  return BigInt(`0x${/CapBnd:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`);
}

function onPath(name: string): string | undefined {
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
