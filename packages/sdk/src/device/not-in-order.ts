import { PluginError } from '../errors.ts';

/** What `allocate` throws for a device that can't be given to a container just now. */
export function notInOrder(device: string, problem: string): PluginError {
  return new PluginError('FAILED_PRECONDITION', `it is not in order: ${problem}`, { object: `device ${device}` });
}
