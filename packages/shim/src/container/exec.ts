import type { ExecRequest, ExecResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { checkRefusals } from '../refusals.ts';
import type { Shim } from '../shim.ts';
import type { RemoteCommand } from '../streaming/remote-command.ts';
import { checkCommand } from './check-command.ts';
import { checkStreams } from './requested-streams.ts';
import { runningContainer } from './running-container.ts';

/** CRI Exec: where a client fetches a session with a command, which begins when it connects. */
export function exec(shim: Shim, { containerId, cmd, ...streams }: ExecRequest): ExecResponse {
  const { object } = runningContainer(shim, containerId, 'commands run');
  const bytes = checkCommand(cmd, object);
  checkStreams(streams, object);
  if ((streams.tty || streams.stdin) && !shim.features.interactive) {
    const field = streams.tty ? 'tty' : 'stdin';
    throw new PluginError('UNIMPLEMENTED', `${field}: the runtime ${shim.handler} gives commands neither input nor a terminal`, {
      object,
      hint: 'leave stdin and tty out, or choose another runtime',
    });
  }
  // What a container can't have its commands can't have either.
  checkRefusals(
    { tty: streams.tty },
    shim.features.refused.filter(({ field }) => field === 'tty'),
    object,
  );
  const session: RemoteCommand = {
    kind: 'exec',
    object,
    streams,
    run: (client, signal) => {
      const { spec } = runningContainer(shim, containerId, 'commands run');
      return shim.runtime.exec(spec, { args: cmd, tty: streams.tty }, client, signal);
    },
  };
  return { url: shim.streaming.url(session, bytes) };
}
