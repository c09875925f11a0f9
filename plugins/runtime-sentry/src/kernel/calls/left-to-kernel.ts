/**
 * Calls that the filter lets pass: the kernel carries them out, and the Sentry never sees them. They name nothing but what the caller has
 * already: its own memory, its own descriptors (each opened by the Sentry, or a stream that the container was started with), processes by
 * numbers of the container's own PID namespace, its own ids within the rights that it has. Addresses among their arguments are only data to
 * be read or written there. The Sentry would have nothing to say to any of them, and an answer takes a hundred times as long as the call; to
 * `rt_sigreturn` and `exit`, moreover, no wait may come in between, and runc takes no NOTIFY for `write`.
 */
export const leftToKernel: readonly string[] = words(`
  brk mmap munmap mprotect mremap madvise msync mincore mlock mlock2 munlock mlockall munlockall membarrier
  pkey_alloc pkey_free pkey_mprotect

  read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek close close_range dup dup2 dup3 flock
  fsync fdatasync ftruncate fallocate fadvise64 readahead sendfile copy_file_range splice tee fstat fstatfs fchmod fchown
  fchdir getcwd pipe pipe2 poll ppoll select pselect6

  fork vfork exit exit_group wait4 waitid set_tid_address set_robust_list get_robust_list futex rseq arch_prctl getrandom
  sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_getscheduler sched_get_priority_max
  sched_get_priority_min getcpu

  kill tkill tgkill rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait rt_sigqueueinfo
  rt_tgsigqueueinfo rt_sigreturn sigaltstack pause restart_syscall

  time gettimeofday clock_gettime clock_getres nanosleep clock_nanosleep alarm getitimer setitimer times timer_create
  timer_settime timer_gettime timer_getoverrun timer_delete getrusage

  getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid getpgrp getsid capget
  getpriority umask setpgid setsid getrlimit prlimit64
`);

/** A call that is left to the kernel where `argument & mask` is `value`; otherwise it isn't there. */
interface ByArgument {
  name: string;
  argument: number;
  mask: number;
  value: number;
}

/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET (namespaces of one's own), and CLONE_PTRACE. */
const refusedCloneFlags = 0x7e02_2080;
/** Commands of fcntl from 1024 on: leases, by which opening a file would wait in the Sentry, and notifications. */
const newerCommands = 0x400;
const wholeInteger = 0xffff_ffff;
/** F_DUPFD_CLOEXEC, F_SETPIPE_SZ and F_GETPIPE_SZ. */
const openNewerCommands = [1030, 1031, 1032];

/** clone3, whose flags are in memory, where no filter sees them, is not there at all: libc takes clone then. */
export const leftByArgument: readonly ByArgument[] = [
  { name: 'clone', argument: 0, mask: refusedCloneFlags, value: 0 },
  { name: 'fcntl', argument: 1, mask: newerCommands, value: 0 },
  ...openNewerCommands.map((value) => ({ name: 'fcntl', argument: 1, mask: wholeInteger, value })),
];

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
