import { PluginError } from '@berth/sdk/errors';

/** Whether `error` is only that `signal`, Ctrl-C's, ended what was going on. */
export function wasInterrupted(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || PluginError.from(error).code === 'CANCELLED');
}
