import { describe, expect, it } from 'vitest';
import { numberOf } from '../syscall-numbers.ts';
import { leftToKernel } from './left-to-kernel.ts';
import { handlerTable } from './table.ts';

const table = handlerTable();

describe('the table of answers', () => {
  // What the kernel would read a second time, after the look.
  it.each(
    `open openat openat2 creat stat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat mkdir mkdirat rmdir unlink unlinkat rename
     renameat renameat2 link linkat symlink symlinkat mknod mknodat chmod fchmodat chown lchown fchownat truncate utime utimes futimesat utimensat
     statfs chdir execve execveat clone clone3`.split(/\s+/),
  )('never leaves %s to the kernel unseen', (name) => {
    expect(leftToKernel).not.toContain(name);
  });

  it.each(
    `mount umount2 pivot_root chroot setns unshare ptrace process_vm_readv process_vm_writev bpf io_uring_setup io_uring_enter userfaultfd
     perf_event_open keyctl kexec_load reboot init_module finit_module seccomp connect sendmsg open_by_handle_at clone3 execveat`.split(
      /\s+/,
    ),
  )('has no answer to %s', (name) => {
    expect(table[numberOf(name)]).toBeUndefined();
    expect(leftToKernel).not.toContain(name);
  });

  it('has no handler for what never comes to it', () => {
    expect(leftToKernel.filter((name) => table[numberOf(name)])).toEqual([]);
    expect(table.filter(Boolean).length).toBeGreaterThan(50);
  });
});
