import type { Action } from '../plan/action.ts';
import type { ActionContext } from './action-context.ts';
import { cleanUp } from './clean-up.ts';
import { prepare } from './prepare.ts';
import { refreshVolumes } from './refresh-volumes.ts';
import { removeContainer } from './remove-container.ts';
import { removeSandbox } from './remove-sandbox.ts';
import { resizeContainer } from './resize-container.ts';
import { runSandbox } from './run-sandbox.ts';
import { startContainer } from './start-container.ts';
import { stopContainers } from './stop-containers.ts';
import { stopSandbox } from './stop-sandbox.ts';

/** Actions that need no answer; the others are done by PodActions, which remembers what came of them. */
export type Change = Exclude<Action, { kind: 'check-image' | 'allocate-devices' }>;

/**
 * Carries out one action, by the file of its name. What goes wrong outside is thrown as ActionFailure; what was begun and not finished is
 * found by the next look at the runtime.
 */
export function perform(context: ActionContext, action: Change, signal: AbortSignal): Promise<void> {
  switch (action.kind) {
    case 'prepare':
      return prepare(context, signal);
    case 'refresh-volumes':
      return refreshVolumes(context, signal);
    case 'run-sandbox':
      return runSandbox(context, action.attempt, signal);
    case 'stop-sandbox':
      return stopSandbox(context, action.sandboxId, signal);
    case 'remove-sandbox':
      return removeSandbox(context, action.sandboxId, signal);
    case 'start-container':
      return startContainer(context, action, signal);
    case 'stop-containers':
      return stopContainers(context, action, signal);
    case 'resize-container':
      return resizeContainer(context, action, signal);
    case 'remove-container':
      return removeContainer(context, action.containerId, signal);
    case 'clean-up':
      return cleanUp(context, signal);
  }
}
