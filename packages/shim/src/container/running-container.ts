import { PluginError } from '@berth/sdk/errors';
import type { ContainerSpec } from '../runtime.ts';
import type { Shim } from '../shim.ts';
import { containerSpec, describeContainer } from './container.ts';

/** A container that runs, as the runtime sees it and for messages; of any other it is said that `what` in running ones only. */
export function runningContainer(shim: Shim, containerId: string, what: string): { object: string; spec: ContainerSpec } {
  const container = shim.containers.get(containerId);
  const { record } = container;
  const object = describeContainer(container);
  if (record.phase !== 'running') {
    throw new PluginError('FAILED_PRECONDITION', `it is ${record.phase}, and ${what} in running containers only`, { object });
  }
  return { object, spec: containerSpec(container, shim.sandboxes.get(record.sandboxId), shim.directories) };
}
