import { type Container, containerSpec } from './container/container.ts';
import { forget, remove as removeContainer } from './container/remove-container.ts';
import { lostExitCode } from './exit-code.ts';
import { namesIn } from './files/names-in.ts';
import type { Found, FoundContainer } from './runtime.ts';
import { remove as removeSandbox } from './sandbox/remove-pod-sandbox.ts';
import { sandboxSpec } from './sandbox/sandbox.ts';
import { unpinNamespaces } from './sandbox/sandbox-namespaces.ts';
import type { Shim } from './shim.ts';
import { undoLimitMs } from './undo-stack.ts';

/** Longest that removing half-made sandboxes may keep the shim from serving. */
const halfMadeLimitMs = 10_000;

/**
 * Takes up what an earlier process of this shim left: what it had begun and not finished is removed, and what runs goes
 * on. Before the shim serves.
 */
export async function recover(shim: Shim, signal: AbortSignal): Promise<void> {
  await shim.sandboxes.load();
  await shim.containers.load();
  const found = await askRuntime(shim, signal);
  for (const container of shim.containers.list()) await settleContainer(shim, container, found);
  for (const sandbox of shim.sandboxes.list()) {
    if (sandbox.record.phase === 'ready' && !found.sandboxes.includes(sandbox.id)) await markStopped(shim, sandbox.id);
  }
  const halfMade = shim.sandboxes.list().filter(({ record }) => record.phase === 'creating');
  await Promise.all(halfMade.map((sandbox) => removeHalfMade(shim, sandbox.id)));
  await attempt(shim, 'let go of images of containers that are gone', async () => shim.images.recover?.((user) => isContainer(shim, user)));
  await attempt(shim, 'let go of namespaces of sandboxes that are gone', (limit) => unpinOrphans(shim, limit));
}

/** A container uses images under its id, and those of its volumes under names that begin with it. */
function isContainer(shim: Shim, user: string): boolean {
  return shim.containers.list().some(({ id }) => user === id || user.startsWith(`${id}-`));
}

/** What can't be taken away in that time is left to the client, listed as not ready: the shim has to serve the others. */
async function removeHalfMade(shim: Shim, id: string): Promise<void> {
  await attempt(shim, `remove half-made sandbox ${id}`, (limit) => removeSandbox(shim, id, limit), halfMadeLimitMs);
  if (shim.sandboxes.find(id)) await markStopped(shim, id);
}

/** Records may be lost, as when somebody removes ROOT, while namespaces are still pinned below RUN. */
async function unpinOrphans(shim: Shim, signal: AbortSignal): Promise<void> {
  const pinned = await namesIn(shim.directories.allNamespaces);
  for (const id of pinned) if (!shim.sandboxes.find(id)) await unpinNamespaces(shim.directories.namespaces(id), signal);
}

async function askRuntime(shim: Shim, signal: AbortSignal): Promise<Found> {
  const sandboxes = shim.sandboxes.list();
  const containers = shim.containers.list().flatMap((container) => {
    const sandbox = shim.sandboxes.find(container.record.sandboxId);
    return sandbox ? [containerSpec(container, sandbox, shim.directories)] : [];
  });
  return shim.runtime.recover({ sandboxes: sandboxes.map((sandbox) => sandboxSpec(sandbox, shim.directories)), containers }, signal);
}

async function settleContainer(shim: Shim, container: Container, found: Found): Promise<void> {
  const { record } = container;
  if (!shim.sandboxes.find(record.sandboxId))
    return attempt(shim, `remove container ${container.id}, whose sandbox is gone`, (limit) => forget(shim, container, limit));
  if (record.phase === 'creating')
    return attempt(shim, `remove half-made container ${container.id}`, (limit) => removeContainer(shim, container.id, limit));
  if (record.phase === 'exited') return;
  await takeOver(shim, container, found.containers[container.id]);
}

async function takeOver(shim: Shim, container: Container, found: FoundContainer | undefined): Promise<void> {
  const { record } = container;
  if (found?.state === 'running') {
    record.phase = 'running';
    record.startedAt ??= found.startedAt?.getTime() ?? Date.now();
    await shim.containers.note(container);
  }
  if (found?.state === 'exited') {
    record.startedAt ??= found.exit.finishedAt.getTime();
    await shim.containers.exited(container, found.exit);
  }
  if (found === undefined)
    await shim.containers.exited(container, {
      exitCode: lostExitCode,
      finishedAt: new Date(),
      message: 'gone after a restart of the shim',
    });
}

/** A sandbox that is gone (after a reboot): its next StopPodSandbox cleans up what is left of it. */
async function markStopped(shim: Shim, id: string): Promise<void> {
  const sandbox = shim.sandboxes.get(id);
  sandbox.record.phase = 'stopping';
  await shim.sandboxes.note(sandbox);
}

/** One object that can't be removed doesn't keep the shim from serving the others. */
async function attempt(shim: Shim, what: string, work: (signal: AbortSignal) => Promise<void>, limitMs = undoLimitMs): Promise<void> {
  try {
    await work(AbortSignal.timeout(limitMs));
  } catch (error) {
    shim.log.error({ err: error }, `could not ${what}`);
  }
}
