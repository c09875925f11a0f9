import { withGrace } from '@berth/sdk/abort';
import type { StartContainerRequest, StartContainerResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { CallContext } from '@berth/sdk/serve';
import { neverRanExitCode } from '../exit-code.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Shim } from '../shim.ts';
import { undoLimitMs } from '../undo-stack.ts';
import { type Container, containerSpec, describeContainer } from './container.ts';
import { removeFromRuntime } from './stop-container.ts';

/** A start that is cut off has let a program run for nothing: it may come to its end when the caller has gone, as a kubelet that is killed. */
const startGraceMs = 10_000;

/** CRI StartContainer: for a container that was created and never started. */
export async function startContainer(
  shim: Shim,
  { containerId }: StartContainerRequest,
  { signal }: CallContext,
): Promise<StartContainerResponse> {
  const { id, record } = shim.containers.get(containerId);
  await withGrace(signal, startGraceMs, (late) =>
    shim.work.inside(record.sandboxId, late, (inside) => shim.locks.hold(id, inside, () => start(shim, id, inside))),
  );
  return {};
}

/** The caller holds the container's lock. */
async function start(shim: Shim, id: string, signal: AbortSignal): Promise<void> {
  const container = shim.containers.get(id);
  const { record } = container;
  if (record.phase !== 'created') {
    throw new PluginError('FAILED_PRECONDITION', `it is ${record.phase}`, {
      object: describeContainer(container),
      hint: 'create a new container',
    });
  }
  const sandbox = shim.sandboxes.getReady(record.sandboxId);
  await shim.lifeCycle.duringStart(container, sandbox, () => startCreated(shim, container, sandbox, signal));
}

async function startCreated(shim: Shim, container: Container, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const { record } = container;
  const spec = containerSpec(container, sandbox, shim.directories);
  const startedAt = Date.now();
  try {
    await shim.runtime.start(spec, signal);
  } catch (error) {
    await startFailed(shim, container, PluginError.from(error));
    throw error;
  }
  record.startedAt = Math.min(startedAt, record.finishedAt ?? startedAt);
  // A short-lived process may have been reported as ended already.
  if (record.phase === 'created') record.phase = 'running';
  await shim.containers.note(container);
}

/** A container that couldn't be started has ended, as with other runtimes; whatever may run of it is taken away. */
async function startFailed(shim: Shim, container: Container, failure: PluginError): Promise<void> {
  try {
    await removeFromRuntime(shim, container, AbortSignal.timeout(undoLimitMs));
  } catch (error) {
    shim.log.error({ err: error }, `could not undo: the start of ${describeContainer(container)}`);
  }
  await shim.containers.exited(container, {
    exitCode: neverRanExitCode,
    finishedAt: new Date(),
    reason: 'StartError',
    message: failure.message,
  });
}
