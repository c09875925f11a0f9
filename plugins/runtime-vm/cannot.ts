const hostNamespace = "a machine has a kernel of its own, and can't share the host's namespaces";
const numbered = 'every guest numbers its namespaces alike, and the case tells them apart by their numbers on the host';
const noTerminals = "the guest's agent gives processes no terminals";

const noCriu = 'there is no CRIU in the guest';
const noDevices = "a machine has none of the host's devices";

/** What no pod in a machine can have, by the suite's names. */
export const lacks = { privileged: noDevices };

/** Single cases that a machine can't have, by their ids. */
export const cannot = {
  'runtime.config': "its cgroups are the guest's: there is no driver for a client to know",
  'pod.host-network': hostNamespace,
  'pod.host-pid': hostNamespace,
  'pod.host-ipc': hostNamespace,
  'pod.cgroup-parent': `the case finds the process by its id on the host, and ${hostNamespace}`,
  'pod.network-shared': numbered,
  'pod.namespaces-freed': numbered,
  'container.checkpoint': noCriu,
  'container.checkpoint-answer': noCriu,
  'process.tty': noTerminals,
  'streaming.exec-tty': noTerminals,
  'streaming.attach-tty': noTerminals,
  'streaming.spdy-attach-tty': noTerminals,
  'mount.device': noDevices,
  'mount.device-permissions': noDevices,
  'mount.propagation-host-to-container': 'mounts made later are not passed on between a machine and its host',
};

/** A machine without KVM executes some ten times slower than its host. */
export const timeFactor = 4;
