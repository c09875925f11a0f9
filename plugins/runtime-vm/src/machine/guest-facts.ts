import { capabilitiesOfMask } from '@berth/shim/oci/capabilities';
import type { HostFacts } from '@berth/shim/oci/host-facts';

/** Capabilities of Linux 5.9 and newer, by their bits. */
const allCapabilities = '1ffffffffff';

/** What containers can have inside a machine: its kernel is Debian's, and its agent is root there. */
export const guestFacts: HostFacts = {
  seccompArchitectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  bounding: capabilitiesOfMask(allCapabilities),
  oomScoreAdj: 0,
  lowersOomScore: true,
  unifiedCgroups: true,
  hugetlb: false,
  swapAccounting: true,
  appArmor: false,
  selinux: false,
  cgroupDriver: 'cgroupfs',
};
