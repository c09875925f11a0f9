import { libc } from '@berth/sdk/libc';

/** Names of libseccomp by Node's name of the host's: its own system calls first, then those of programs of other kinds that its kernel runs. */
const architectures: Record<string, string[]> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

// getpid by its number for x32 programs.
const x32Getpid = 0x40000000 + 39;

/**
 * Whose system calls the default filter knows; none for a host that is not listed, whose own is the default. A kernel that runs no x32 programs,
 * as most, gets no rules for them: they take a third of the time in which the OCI runtime compiles the filter. A system call by an x32 number
 * kills its process there; with rules it would fail with ENOSYS.
 */
export function seccompArchitectures(): string[] {
  const all = architectures[process.arch] ?? [];
  return runsX32() ? all : all.filter((name) => name !== 'SCMP_ARCH_X32');
}

function runsX32(): boolean {
  if (process.arch !== 'x64') return false;
  const { library } = libc();
  return library.func('long syscall(long number)')(x32Getpid) !== -1;
}
