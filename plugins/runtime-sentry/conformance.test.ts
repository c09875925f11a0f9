import { describe } from 'vitest';
import { criConformance } from '../../test/fixtures/cri-conformance.ts';

const hostNamespace = "the host's namespaces are out of a Sentry's reach";
const noSockets = 'the Sentry gives processes no sockets: they have no network';
const unnamed = "the Sentry's /proc names no namespaces";
const hiddenCgroup = 'limits hold, but the container does not see the cgroup that has them';
const noNewPrivs = 'it is set for every process, so that none gets more rights than the Sentry knows of';
const hiddenFilter = "the Sentry's /proc tells of no filter; its own is there whatever the profile is";

const noCheckpoints = 'CRIU can not write down a process whose system calls a listener answers';
const fewDevices = 'the Sentry opens no devices but /dev/null, zero, full, random and urandom';

const lacks = { privileged: 'a privileged container would be as good as outside of the Sentry' };

const cannot = {
  'pod.sysctls': "sysctls are the host kernel's, which containers don't run on",
  'pod.network-address': noSockets,
  'pod.loopback': noSockets,
  'pod.network-between-pods': noSockets,
  'pod.host-port': noSockets,
  'pod.host-port-address': noSockets,
  'streaming.port-forward': noSockets,
  'streaming.spdy-port-forward': noSockets,
  'pod.host-network': hostNamespace,
  'pod.host-pid': hostNamespace,
  'pod.host-ipc': hostNamespace,
  'pod.cgroup-parent': `the case finds the process by its id on the host, and ${hostNamespace}`,
  'pod.network-shared': unnamed,
  'pod.ipc-shared': unnamed,
  'pod.namespaces-freed': unnamed,
  'container.checkpoint': noCheckpoints,
  'container.checkpoint-answer': noCheckpoints,
  'security.add-capability': "NET_ADMIN would be a right in the host's kernel",
  'security.no-new-privs': noNewPrivs,
  'image.file-capabilities': `no_new_privs: ${noNewPrivs}`,
  'security.seccomp-default': hiddenFilter,
  'security.seccomp-unconfined': hiddenFilter,
  'security.seccomp-localhost': 'the only filter is that of the Sentry',
  'mount.device': fewDevices,
  'mount.device-permissions': fewDevices,
  'resource.memory-limit': hiddenCgroup,
  'resource.cpu-quota': hiddenCgroup,
  'resource.cpu-shares': hiddenCgroup,
  'resource.unlimited': hiddenCgroup,
  'resource.update': hiddenCgroup,
  'resource.update-keeps-others': hiddenCgroup,
  'resource.update-created': hiddenCgroup,
};

describe('runtime-sentry', () => criConformance('sentry', { lacks, cannot }));
