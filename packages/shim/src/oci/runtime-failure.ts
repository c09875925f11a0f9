import { PluginError } from '@berth/sdk/errors';

interface RequestFault {
  /** In what runc or crun says. */
  said: RegExp;
  /** The field of the request that is to blame, in words. */
  what: string;
  hint: string;
}

/** What can be known only once the OCI runtime or the kernel has tried it. */
const requestFaults: RequestFault[] = [
  {
    said: /cpuset\.cpus/,
    what: "linux.resources.cpuset_cpus can't be had here",
    hint: 'name CPUs of this host (/sys/devices/system/cpu/online) and of cgroup_parent',
  },
  {
    said: /cpuset\.mems/,
    what: "linux.resources.cpuset_mems can't be had here",
    hint: 'name memory nodes of this host (/sys/devices/system/node/online) and of cgroup_parent',
  },
  {
    said: /unable to set memory limit|memory limit too low|memory\.(max|limit_in_bytes)/,
    what: 'linux.resources.memory_limit_in_bytes is less than is in use already, be it by the start of a container',
    hint: 'set more, some MiB at least',
  },
  { said: /cannot be mounted because|stat \/dev\/null/, what: 'mounts: one is where none can be', hint: 'choose another container_path' },
];

/** Why an OCI runtime's command failed, in its words: INVALID_ARGUMENT with the field where the request is to blame, else INTERNAL. */
export function runtimeFailure(said: string, object: string, cause?: unknown): PluginError {
  const fault = requestFaults.find(({ said: pattern }) => pattern.test(said));
  if (!fault) return new PluginError('INTERNAL', said, { object, cause });
  return new PluginError('INVALID_ARGUMENT', `${fault.what}: ${said}`, { object, hint: fault.hint, cause });
}
