import type { ReopenContainerLogRequest, ReopenContainerLogResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { CallContext } from '@berth/sdk/serve';
import type { Shim } from '../shim.ts';
import { runningContainer } from './running-container.ts';

/** CRI ReopenContainerLog: after the client has moved the log file of a running container away, for rotation. */
export async function reopenContainerLog(
  shim: Shim,
  { containerId }: ReopenContainerLogRequest,
  { signal }: CallContext,
): Promise<ReopenContainerLogResponse> {
  const { object, spec } = runningContainer(shim, containerId, 'logs are reopened');
  if (!shim.runtime.reopenLog) {
    throw new PluginError('UNIMPLEMENTED', `the runtime ${shim.handler} can't reopen logs`, { object, hint: 'rotate by copying' });
  }
  if (spec.logPath !== undefined) {
    await shim.locks.hold(`log of ${spec.id}`, signal, async () => shim.runtime.reopenLog?.(spec, signal));
  }
  return {};
}
