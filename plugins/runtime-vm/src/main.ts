import { runtimeMain } from '@berth/shim/main';
import { flags, readFlags } from './flags.ts';
import { VmRuntime } from './vm-runtime.ts';

await runtimeMain({
  handler: 'vm',
  flags,
  runtime: ({ options: { run, handler }, flags: given, calls, log }) => new VmRuntime({ run, handler, ...readFlags(given), calls, log }),
});
