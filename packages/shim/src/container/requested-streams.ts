import { PluginError } from '@berth/sdk/errors';
import type { RequestedStreams } from '../streaming/remote-command.ts';

/** INVALID_ARGUMENT for what CRI forbids (api.proto, ExecRequest and AttachRequest): no stream at all, stderr beside a terminal. */
export function checkStreams({ stdin, stdout, stderr, tty }: RequestedStreams, object: string): void {
  if (!stdin && !stdout && !stderr) {
    throw new PluginError('INVALID_ARGUMENT', 'none of stdin, stdout and stderr is asked for', { object, hint: 'ask for one of them' });
  }
  if (tty && stderr) {
    throw new PluginError('INVALID_ARGUMENT', 'tty and stderr are both asked for', {
      object,
      hint: 'a terminal has one output: leave stderr out',
    });
  }
}
