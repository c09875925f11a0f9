import { lostExitCode } from './exit-code.ts';
import type { RuntimeEvent } from './runtime.ts';
import type { Shim } from './shim.ts';

/** Takes what the runtime tells of itself into the records, until `signal` is aborted. */
export async function watchEvents(shim: Shim, signal: AbortSignal): Promise<void> {
  for await (const event of shim.runtime.events(signal)) {
    try {
      await take(shim, event);
    } catch (error) {
      shim.log.error({ err: error, event }, 'could not note an event');
    }
  }
}

async function take(shim: Shim, event: RuntimeEvent): Promise<void> {
  switch (event.type) {
    case 'exited': {
      const container = shim.containers.find(event.containerId);
      if (container) await shim.containers.exited(container, event.exit);
      return;
    }
    case 'oom':
      shim.log.warn({ containerId: event.containerId }, 'the kernel ran out of memory for a container');
      return;
    case 'sandboxGone':
      return sandboxGone(shim, event.sandboxId, event.message);
  }
}

/** Also while it is being made, which fails then, and while it is being stopped: who waits for its containers to end would wait for ever. */
async function sandboxGone(shim: Shim, id: string, message: string): Promise<void> {
  const sandbox = shim.sandboxes.find(id);
  if (!sandbox) return;
  const { phase } = sandbox.record;
  if (phase === 'ready' || phase === 'creating') {
    sandbox.record.phase = 'stopping';
    await shim.sandboxes.note(sandbox);
  }
  if (phase === 'creating') return;
  for (const container of shim.containers.ofSandbox(id).filter(({ record }) => record.phase !== 'creating')) {
    await shim.containers.exited(container, { exitCode: lostExitCode, finishedAt: new Date(), message });
  }
  shim.lifeCycle.sandboxStopped(sandbox);
}
