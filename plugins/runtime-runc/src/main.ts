import { runtimeMain } from '@berth/shim/main';
import { cgroupDriver, OciRuntime } from '@berth/shim/oci';

await runtimeMain({
  handler: 'runc',
  flags: {
    '--oci-runtime <binary>': 'OCI runtime to drive (default runc)',
    '--cgroup-driver <driver>': 'who makes cgroups: cgroupfs or systemd (default cgroupfs)',
  },
  runtime: ({ options, flags, calls, log }) =>
    new OciRuntime({
      binary: String(flags.ociRuntime ?? 'runc'),
      cgroupDriver: cgroupDriver(flags.cgroupDriver ?? 'cgroupfs'),
      run: options.run,
      handler: options.handler,
      calls,
      log,
    }),
});
