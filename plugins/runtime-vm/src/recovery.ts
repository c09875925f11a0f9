import { PluginError } from '@berth/sdk/errors';
import { ContainerState, type StatusResponse } from '@berth/sdk/machine-monitor';
import { lostExitCode } from '@berth/shim/exit-code';
import type { ContainerSpec, Exit, Found, FoundContainer, Known } from '@berth/shim/runtime';
import type { Machines } from './machine/machines.ts';

interface RecoveryParts {
  machines: Machines;
  exitOf(container: ContainerSpec): Promise<Exit | undefined>;
}

/** After a restart: what the monitors of the known machines say, and the exit files. Machines that run are taken up. */
export async function recoverMachines(
  { sandboxes, containers }: Known,
  { machines, exitOf }: RecoveryParts,
  signal: AbortSignal,
): Promise<Found> {
  const statuses = new Map<string, StatusResponse>();
  const reasons = new Map<string, string>();
  // At the same time: each that doesn't answer costs its whole deadline.
  await Promise.all(
    sandboxes.map(async (sandbox) => {
      const machine = machines.visit(sandbox);
      try {
        statuses.set(sandbox.id, await machine.status(signal));
        machines.takeUp(sandbox, machine);
      } catch (error) {
        machine.close();
        signal.throwIfAborted();
        reasons.set(sandbox.id, PluginError.from(error).message);
      }
    }),
  );
  const found: Found['containers'] = {};
  for (const container of containers) {
    const { id, sandbox } = container;
    // Asked after the monitor: what that says has ended has an exit file.
    const exit = await exitOf(container);
    const state = exit ? ({ state: 'exited', exit } as const) : stateOf(id, statuses.get(sandbox.id), reasons.get(sandbox.id));
    if (state) found[id] = state;
  }
  return { sandboxes: [...statuses.keys()], containers: found };
}

function stateOf(id: string, status: StatusResponse | undefined, reason: string | undefined): FoundContainer | undefined {
  if (!status) return { state: 'exited', exit: { exitCode: lostExitCode, finishedAt: new Date(), message: reason } };
  switch (status.containers[id]) {
    case ContainerState.CONTAINER_STATE_CREATED:
      return { state: 'created' };
    // Of one that has just ended the exit file is about to be written: its event follows.
    case ContainerState.CONTAINER_STATE_RUNNING:
    case ContainerState.CONTAINER_STATE_EXITED:
      return { state: 'running', startedAt: undefined };
    default:
      return undefined;
  }
}
