import { runtimeMain } from '@berth/shim/main';
import { SentryRuntime } from './sentry-runtime.ts';

await runtimeMain({
  handler: 'sentry',
  flags: { '--oci-runtime <binary>': 'OCI runtime that starts the processes (default runc)' },
  runtime: ({ options, flags, calls, log }) =>
    new SentryRuntime({ binary: String(flags.ociRuntime ?? 'runc'), run: options.run, handler: options.handler, calls, log }),
});
