import { delimiter } from 'node:path';
import { runtimeMain } from '@berth/shim/main';
import { cgroupDriver, OciRuntime } from '@berth/shim/oci';

await runtimeMain({
  handler: 'runc',
  flags: {
    '--oci-runtime <binary>': 'OCI runtime to drive (default runc)',
    '--cgroup-driver <driver>': 'who makes cgroups: cgroupfs or systemd (default cgroupfs)',
    '--cdi-directories <paths>': 'where CDI specifications are, ":" between them (default /etc/cdi:/var/run/cdi)',
  },
  runtime: ({ options, flags, calls, log }) =>
    new OciRuntime({
      binary: String(flags.ociRuntime ?? 'runc'),
      ...(flags.cdiDirectories !== undefined && { cdiDirectories: String(flags.cdiDirectories).split(delimiter) }),
      cgroupDriver: cgroupDriver(flags.cgroupDriver ?? 'cgroupfs'),
      run: options.run,
      handler: options.handler,
      calls,
      log,
    }),
});
