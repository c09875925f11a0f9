import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { restoreBaseline, takeBaseline } from '../../../packages/cli/src/host/baseline.ts';
import type { SandboxConfig } from '../../../packages/conformance/src/cri/messages.ts';
import { TestContainer } from '../../../packages/conformance/src/cri/pod.ts';
import { CriTarget } from '../../../packages/conformance/src/cri/target.ts';
import type { Counts } from '../../../plugins/runtime-sentry/src/kernel/tally.ts';
import { BerthHome, exampleImage, type Running } from '../../fixtures/berth.ts';
import { removeCgroups } from '../../fixtures/cgroups.ts';
import { nodeMissing, skipIfMissing } from '../../fixtures/node-requirements.ts';

/** Longer than a Sentry may be silent. */
const noticedWithin = { timeout: 20_000, interval: 50 };

describe('the Sentry of a pod', () => {
  let baseline: ReturnType<typeof takeBaseline>;
  let home: BerthHome;
  let server: Running;
  let target: CriTarget;
  let cgroupParent: string;

  beforeEach(async (context) => {
    skipIfMissing(nodeMissing)(context);
    baseline = takeBaseline();
    home = new BerthHome();
    cgroupParent = `/${home.name}`;
    expect((await home.berth('image', 'load', exampleImage)).stderr).toBe('');
    await serve();
  });
  afterEach(async () => {
    if (nodeMissing() !== undefined) return;
    const { items } = await target.client.ListPodSandbox({});
    for (const { id } of items) {
      await target.client.StopPodSandbox({ podSandboxId: id });
      await target.client.RemovePodSandbox({ podSandboxId: id });
    }
    await target.close();
    server.child.kill('SIGTERM');
    const { stdout, stderr } = await server.ended;
    const left = sentryDirectories();
    restoreBaseline(baseline, [home.name]);
    removeCgroups(cgroupParent);
    home.remove();
    expect(left).toEqual([]);
    expect(stdout + stderr).not.toMatch(/could not/);
  });

  async function serve(): Promise<void> {
    const socket = join(home.directory, 'cri.sock');
    server = home.start(['runtime', 'sentry', '--listen', `unix://${socket}`]);
    await server.says(/serving/);
    target = await CriTarget.open({ runtimeEndpoint: `unix://${socket}`, cgroupParent }, { shell: 'localhost/busybox:1' });
  }

  async function startContainer(command = ['sleep', '1000'], change: Partial<SandboxConfig> = {}): Promise<TestContainer> {
    return (await target.startPod(change)).start({ command, logPath: '' });
  }

  function sentryDirectories(): string[] {
    const parent = join(home.run, 'sentry/sentry/pods');
    return readdirSync(parent).map((name) => join(parent, name));
  }

  function directoryOf({ sandboxId }: TestContainer): string {
    return sentryDirectories().find((path) => sandboxId.startsWith(basename(path))) as string;
  }

  function sentryPid(container: TestContainer): number {
    return Number(readFileSync(join(directoryOf(container), 'pid'), 'utf8'));
  }

  async function expectGone(container: TestContainer, message: RegExp): Promise<void> {
    await vi.waitFor(async () => {
      const { status } = await target.client.PodSandboxStatus({ podSandboxId: container.sandboxId });
      expect(status.state).toBe('SANDBOX_NOTREADY');
      const ended = (await container.status()) as Awaited<ReturnType<TestContainer['status']>> & { message: string };
      expect(ended.state).toBe('CONTAINER_EXITED');
      expect(ended.message).toMatch(message);
    }, noticedWithin);
    await vi.waitFor(() => expect(processesIn(cgroupParent)).toHaveLength(0), noticedWithin);
  }

  it('killed: its pod ends, says why, and leaves nothing; other pods go on', async () => {
    const lost = await startContainer(['sh', '-c', 'while :; do sleep 0.01; done']);
    process.kill(sentryPid(lost), 'SIGKILL');
    await expectGone(lost, /its Sentry process was killed/);
    const other = await startContainer();
    const another = await startContainer();
    process.kill(sentryPid(another), 'SIGKILL');
    await vi.waitFor(async () => expect((await another.status()).state).toBe('CONTAINER_EXITED'), noticedWithin);
    expect((await other.execSync(['echo', 'alive'])).stdout.toString()).toBe('alive\n');
    expect((await other.status()).state).toBe('CONTAINER_RUNNING');
  });

  it('killed: its pod can be stopped and removed while it is being ended', async () => {
    const linux = { cgroupParent, securityContext: { namespaceOptions: { pid: 'POD' as const } } };
    const lost = await Promise.all([1, 2, 3].map(() => startContainer(['sleep', '1000'], { linux })));
    for (const container of lost) process.kill(sentryPid(container), 'SIGKILL');
    await Promise.all(
      lost.map(async ({ sandboxId: podSandboxId }) => {
        await vi.waitFor(
          async () => expect((await target.client.PodSandboxStatus({ podSandboxId })).status.state).toBe('SANDBOX_NOTREADY'),
          { ...noticedWithin, interval: 2 },
        );
        await target.client.StopPodSandbox({ podSandboxId });
        await target.client.RemovePodSandbox({ podSandboxId });
      }),
    );
    expect(processesIn(cgroupParent)).toHaveLength(0);
  });

  it('hung: its pod ends, and so does what waits for it', async () => {
    const hung = await startContainer();
    const waiting = hung.execSync(['echo', 'never']).then(
      () => 'answered',
      (error: Error) => error.message,
    );
    process.kill(sentryPid(hung), 'SIGSTOP');
    const late = hung.execSync(['echo', 'never']).catch((error: Error) => error.message);
    await expectGone(hung, /no sign of life for 10 s/);
    expect(await late).toMatch(/no sign of life/);
    expect(await waiting).toMatch(/answered|no sign of life/);
  });

  it('a signal that comes right after the start is the program’s, not the OCI runtime’s', async () => {
    const pod = await target.startPod();
    const exitCodes = [1, 2, 3, 4, 5, 6].map(async () => {
      const command = ['sh', '-c', 'trap "" TERM; while true; do sleep 0.05; done'];
      const container = await pod.start({ command, logPath: '' });
      await container.stop(1);
      return (await container.status()).exitCode;
    });
    expect(await Promise.all(exitCodes)).toEqual([137, 137, 137, 137, 137, 137]);
  });

  it('counts system calls by name, in its directory and at the end in the log', async () => {
    const container = await startContainer();
    await container.execSync(['unshare', '-n', 'true']);
    const counts = (): Counts => JSON.parse(readFileSync(join(directoryOf(container), 'calls.json'), 'utf8')) as Counts;
    await vi.waitFor(() => expect(counts().unimplemented.unshare).toBe(1), noticedWithin);
    expect(counts().answered.readlink).toBeGreaterThanOrEqual(2);
    expect(counts().continued.execve).toBeGreaterThanOrEqual(2);
    await target.client.StopPodSandbox({ podSandboxId: container.sandboxId });
    await server.says(/"unshare":1.*system calls of a pod that has ended/);
  });

  it('keeps nothing of commands that have ended', async () => {
    const container = await startContainer();
    const pid = sentryPid(container);
    const open = (): number => readdirSync(`/proc/${pid}/fd`).length + readdirSync(`/proc/${pid}/task`).length;
    const before = open();
    const commands = 12;
    for (let count = 0; count < commands; count++) await container.execSync(['sh', '-c', 'ls /proc /tmp | cat > /dev/null']);
    // Less than one for each: threads that begin and end are counted too.
    await vi.waitFor(() => expect(open()).toBeLessThan(before + commands), noticedWithin);
  });

  it('is not disturbed by an OCI runtime that was killed while it sent its message', async () => {
    const container = await startContainer();
    for (const part of ['', '{"fds": ["seccomp', '{"fds": ["seccompFd"], "pid": 1, "metadata": "{}"}']) {
      const connection = createConnection(join(directoryOf(container), 'notify')).end(part);
      await once(connection, 'close');
    }
    expect((await container.execSync(['echo', 'alive'])).stdout.toString()).toBe('alive\n');
    expect((await container.status()).state).toBe('CONTAINER_RUNNING');
  });

  it('when the server restarts, is found and goes on; killed meanwhile, it is ended', async () => {
    const [kept, lost] = [await startContainer(), await startContainer()];
    const pid = sentryPid(kept);
    server.child.kill('SIGTERM');
    await server.ended;
    await target.close();
    process.kill(sentryPid(lost), 'SIGKILL');
    await serve();
    const again = ({ id, sandboxId }: TestContainer): TestContainer => new TestContainer(target.client, id, sandboxId, '');
    const [keptAgain, lostAgain] = [again(kept), again(lost)];
    await vi.waitFor(async () => expect((await lostAgain.status()).state).toBe('CONTAINER_EXITED'), noticedWithin);
    expect(sentryPid(keptAgain)).toBe(pid);
    expect((await keptAgain.execSync(['uname', '-s'])).stdout.toString()).toBe('Linux\n');
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(async () => expect((await keptAgain.status()).state).toBe('CONTAINER_EXITED'), noticedWithin);
  });
});

/** Pids in the pids cgroups below a parent. */
function processesIn(parent: string): string[] {
  const walk = (directory: string): string[] => {
    const inside = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const own = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
    return [...own, ...inside.flatMap(({ name }) => walk(join(directory, name)))];
  };
  const root = join('/sys/fs/cgroup/pids', parent);
  try {
    return walk(root);
  } catch {
    return [];
  }
}
