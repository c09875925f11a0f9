import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, type TestContext, vi } from 'vitest';
import { removeLeftovers, restoreSwitches, takeBaseline } from '../../../packages/cli/src/host/baseline.ts';
import type { Counts } from '../../../plugins/runtime-sentry/src/kernel/tally.ts';
import { removeCgroups } from '../../fixtures/cgroups.ts';
import { nodeMissing, skipIfMissing } from '../../fixtures/node-requirements.ts';
import { noticedWithin, SentryPods, SentryServer } from '../../fixtures/sentry-server.ts';

describe('the Sentry of a pod', () => {
  let baseline: ReturnType<typeof takeBaseline>;
  let shared: SentryServer;
  /** For the test that restarts it. */
  let restarted: SentryServer;

  beforeEach(skipIfMissing(nodeMissing));

  beforeAll(async () => {
    if (nodeMissing() !== undefined) return;
    baseline = takeBaseline();
    [shared, restarted] = [new SentryServer(), new SentryServer()];
    await Promise.all(
      [shared, restarted].map(async (server) => {
        await server.loadImage();
        await server.start();
      }),
    );
  });

  afterAll(async () => {
    if (nodeMissing() !== undefined) return;
    const servers = [shared, restarted];
    const ends = await Promise.all(servers.map((server) => server.stop()));
    const left = servers.flatMap((server) => server.directories());
    const names = servers.map(({ home }) => home.name);
    removeLeftovers(baseline, names);
    restoreSwitches(baseline);
    for (const name of names) removeCgroups(`/${name}`);
    for (const { home } of servers) home.remove();
    expect(left).toEqual([]);
    for (const ended of ends) expect(`${ended?.stdout}${ended?.stderr}`).not.toMatch(/could not/);
  });

  async function podsFor({ task, expect, onTestFinished }: TestContext, server = shared): Promise<SentryPods> {
    const pods = await SentryPods.on(server, task.id, expect);
    onTestFinished(() => pods.remove());
    return pods;
  }

  it.concurrent('hung: its pod ends, and so does what waits for it', async (context) => {
    const pods = await podsFor(context);
    const hung = await pods.startContainer();
    const waiting = hung.execSync(['echo', 'never']).then(
      () => 'answered',
      (error: Error) => error.message,
    );
    process.kill(pods.sentryPid(hung), 'SIGSTOP');
    const late = hung.execSync(['echo', 'never']).catch((error: Error) => error.message);
    await pods.expectGone(hung, /no sign of life for 10 s/);
    context.expect(await late).toMatch(/no sign of life/);
    context.expect(await waiting).toMatch(/answered|no sign of life/);
  });

  it.concurrent('killed: its pod ends, says why, and leaves nothing; other pods go on', async (context) => {
    const pods = await podsFor(context);
    const lost = await pods.startContainer(['sh', '-c', 'while :; do sleep 0.01; done']);
    process.kill(pods.sentryPid(lost), 'SIGKILL');
    await pods.expectGone(lost, /its Sentry process was killed/);
    const other = await pods.startContainer();
    const another = await pods.startContainer();
    process.kill(pods.sentryPid(another), 'SIGKILL');
    await vi.waitFor(async () => context.expect((await another.status()).state).toBe('CONTAINER_EXITED'), noticedWithin);
    context.expect((await other.execSync(['echo', 'alive'])).stdout.toString()).toBe('alive\n');
    context.expect((await other.status()).state).toBe('CONTAINER_RUNNING');
  });

  it.concurrent('killed: its pod can be stopped and removed while it is being ended', async (context) => {
    const pods = await podsFor(context);
    const linux = { cgroupParent: pods.cgroupParent, securityContext: { namespaceOptions: { pid: 'POD' as const } } };
    const lost = await Promise.all([1, 2, 3].map(() => pods.startContainer(['sleep', '1000'], { linux })));
    for (const container of lost) process.kill(pods.sentryPid(container), 'SIGKILL');
    await Promise.all(
      lost.map(async ({ sandboxId: podSandboxId }) => {
        await vi.waitFor(
          async () => context.expect((await pods.client.PodSandboxStatus({ podSandboxId })).status.state).toBe('SANDBOX_NOTREADY'),
          { ...noticedWithin, interval: 2 },
        );
        await pods.client.StopPodSandbox({ podSandboxId });
        await pods.client.RemovePodSandbox({ podSandboxId });
      }),
    );
    context.expect(pods.processes()).toHaveLength(0);
  });

  it.concurrent('a signal that comes right after the start is the program’s, not the OCI runtime’s', async (context) => {
    const pod = await (await podsFor(context)).start();
    const exitCodes = [1, 2, 3, 4, 5, 6].map(async () => {
      const command = ['sh', '-c', 'trap "" TERM; while true; do sleep 0.05; done'];
      const container = await pod.start({ command, logPath: '' });
      await container.stop(1);
      return (await container.status()).exitCode;
    });
    context.expect(await Promise.all(exitCodes)).toEqual([137, 137, 137, 137, 137, 137]);
  });

  it.concurrent('counts system calls by name, in its directory and at the end in the log', async (context) => {
    const pods = await podsFor(context);
    const container = await pods.startContainer();
    await container.execSync(['unshare', '-n', 'true']);
    const counts = (): Counts => JSON.parse(readFileSync(pods.fileOf(container, 'calls.json'), 'utf8')) as Counts;
    await vi.waitFor(() => context.expect(counts().unimplemented.unshare).toBe(1), noticedWithin);
    context.expect(counts().answered.readlink).toBeGreaterThanOrEqual(2);
    context.expect(counts().continued.execve).toBeGreaterThanOrEqual(2);
    await pods.client.StopPodSandbox({ podSandboxId: container.sandboxId });
    await shared.says(new RegExp(`${container.sandboxId}.*"unshare":1.*system calls of a pod that has ended`));
  });

  it.concurrent('keeps nothing of commands that have ended', async (context) => {
    const pods = await podsFor(context);
    const container = await pods.startContainer();
    const pid = pods.sentryPid(container);
    const open = (): number => readdirSync(`/proc/${pid}/fd`).length + readdirSync(`/proc/${pid}/task`).length;
    const before = open();
    const commands = 12;
    for (let count = 0; count < commands; count++) await container.execSync(['sh', '-c', 'ls /proc /tmp | cat > /dev/null']);
    // Less than one for each: threads that begin and end are counted too.
    await vi.waitFor(() => context.expect(open()).toBeLessThan(before + commands), noticedWithin);
  });

  it.concurrent('is not disturbed by an OCI runtime that was killed while it sent its message', async (context) => {
    const pods = await podsFor(context);
    const container = await pods.startContainer();
    for (const part of ['', '{"fds": ["seccomp', '{"fds": ["seccompFd"], "pid": 1, "metadata": "{}"}']) {
      const connection = createConnection(pods.fileOf(container, 'notify')).end(part);
      await once(connection, 'close');
    }
    context.expect((await container.execSync(['echo', 'alive'])).stdout.toString()).toBe('alive\n');
    context.expect((await container.status()).state).toBe('CONTAINER_RUNNING');
  });

  it.concurrent('when the server restarts, is found and goes on; killed meanwhile, it is ended', async (context) => {
    const pods = await podsFor(context, restarted);
    const [kept, lost] = [await pods.startContainer(), await pods.startContainer()];
    const [pid, lostPid] = [pods.sentryPid(kept), pods.sentryPid(lost)];
    await pods.restartServer(() => process.kill(lostPid, 'SIGKILL'));
    const [keptAgain, lostAgain] = [pods.again(kept), pods.again(lost)];
    await vi.waitFor(async () => context.expect((await lostAgain.status()).state).toBe('CONTAINER_EXITED'), noticedWithin);
    context.expect(pods.sentryPid(keptAgain)).toBe(pid);
    context.expect((await keptAgain.execSync(['uname', '-s'])).stdout.toString()).toBe('Linux\n');
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(async () => context.expect((await keptAgain.status()).state).toBe('CONTAINER_EXITED'), noticedWithin);
  });
});
