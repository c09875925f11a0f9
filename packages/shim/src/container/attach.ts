import type { AttachRequest, AttachResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Shim } from '../shim.ts';
import { checkStreams } from './requested-streams.ts';
import { runningContainer } from './running-container.ts';

/** CRI Attach: where a client fetches a session with the container's own process. */
export function attach(shim: Shim, { containerId, ...streams }: AttachRequest): AttachResponse {
  const { object } = runningContainer(shim, containerId, 'clients attach');
  checkStreams(streams, object);
  const { runtime } = shim;
  if (!runtime.attach) {
    throw new PluginError('UNIMPLEMENTED', `the runtime ${shim.handler} can't attach to containers`, { object, hint: 'read its log' });
  }
  const url = shim.streaming.url({
    kind: 'attach',
    object,
    streams,
    run: async (client, signal) => {
      await runtime.attach?.(runningContainer(shim, containerId, 'clients attach').spec, client, signal);
      return 0;
    },
  });
  return { url };
}
