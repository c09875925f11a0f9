import { forceBatch, type IpCommand } from '@berth/sdk/cni/ip-batch';
import type { Failure } from '../backends/backend.ts';

/** Carries out commands of ip(8) or bridge(8), all that can be. Something to delete that is gone is no failure. */
export async function apply(program: 'ip' | 'bridge', commands: readonly IpCommand[]): Promise<Failure[]> {
  const { failures } = await forceBatch(program, commands);
  return failures
    .filter(({ command, reason }) => !(/^\w+ \w+ del /.test(command) && /No such (process|file|device)|Cannot find/i.test(reason)))
    .map(({ command, reason }) => ({ object: `\`${command}\``, reason }));
}
