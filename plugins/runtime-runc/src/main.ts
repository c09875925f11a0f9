import { runtimeMain } from '@berth/shim/main';
import { OciRuntime } from '@berth/shim/oci';

await runtimeMain({
  handler: 'runc',
  flags: { '--oci-runtime <binary>': 'OCI runtime to drive (default runc)' },
  runtime: ({ options, flags, calls, log }) =>
    new OciRuntime({ binary: String(flags.ociRuntime ?? 'runc'), run: options.run, handler: options.handler, calls, log }),
});
