import type { RuntimeServiceService } from '@berth/sdk/cri';
import type { Implementation } from '@berth/sdk/serve';
import type { CallHooks } from './call-hooks.ts';

interface Sessions {
  /** Every command that was run in a container. */
  execs: string[];
  /** Where sessions are: the URL of each has its request, as JSON. */
  streamingUrl: string;
}

/** The calls that run something in a container or talk to it. A command prints its words; `exit N` ends so. */
export function sessionCalls(sessions: Sessions, hooks: CallHooks): Implementation<RuntimeServiceService> {
  const session = (request: object) => ({
    url: `${sessions.streamingUrl}/token?request=${encodeURIComponent(JSON.stringify(request))}`,
  });
  return {
    execSync: async ({ cmd: [program = '', ...args] }, context) => {
      sessions.execs.push([program, ...args].join(' '));
      await hooks.asked('ExecSync', context);
      return {
        stdout: Buffer.from(`${[program, ...args].join('|')}\n`),
        stderr: Buffer.alloc(0),
        exitCode: program === 'exit' ? Number(args[0]) : 0,
      };
    },
    exec: session,
    attach: session,
    portForward: session,
  };
}
