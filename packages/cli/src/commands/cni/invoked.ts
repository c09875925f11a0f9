import type { Command } from 'commander';
import { CniInvocation, type CniOptions } from '../../cni/invocation.ts';
import { compose, tokens } from '../../compose.ts';
import type { GlobalOptions } from '../../configuration/global-options.ts';
import { interruptible } from '../interruptible.ts';

/** Does `work` with what the options of a `berth cni` command say; Ctrl-C kills the plugin that runs. */
export async function invoked(command: Command, work: (cni: CniInvocation, signal: AbortSignal) => Promise<void>): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions & CniOptions>();
  const cni = new CniInvocation(options, compose(options).resolve(tokens.cni));
  await interruptible((signal) => work(cni, signal));
}
