/** Name of the profile that containers have unless they are told otherwise. */
export const defaultProfileName = 'berth-default';

/**
 * The default AppArmor profile (apparmor.d(5)): what a container may do with files, capabilities and the network is limited elsewhere;
 * this keeps it from kernel settings below /proc and /sys, from mounting, and from processes outside.
 */
export const defaultProfile = `#include <tunables/global>

profile ${defaultProfileName} flags=(attach_disconnected,mediate_deleted) {
  #include <abstractions/base>

  file,
  capability,
  network,
  umount,

  signal (receive) peer=unconfined,
  signal (send, receive) peer=${defaultProfileName},
  ptrace (trace, tracedby, read, readby) peer=${defaultProfileName},

  deny mount,

  deny @{PROC}/* w,
  deny @{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,
  deny @{PROC}/sys/[^k]** w,
  deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,
  deny @{PROC}/sysrq-trigger rwklx,
  deny @{PROC}/kcore rwklx,

  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
`;
