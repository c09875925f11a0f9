import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SandboxConfig } from '../../../packages/conformance/src/cri/messages.ts';
import { numberOf } from '../../../plugins/runtime-sentry/src/kernel/syscall-numbers.ts';
import { nodeMissing, skipIfMissing } from '../../fixtures/node-requirements.ts';
import { RawProgram } from '../../fixtures/raw-program.ts';
import { SentryPod } from '../../fixtures/sentry-pod.ts';

const [EPERM, ENOENT, ESRCH, EACCES, EXDEV, ENXIO, EINVAL, ENOSYS, EAFNOSUPPORT] = [1, 2, 3, 13, 18, 6, 22, 38, 97].map(
  (errno) => -errno,
) as [number, number, number, number, number, number, number, number, number];
const AT_FDCWD = -100;
const O_RDWR = 2;
const O_DIRECTORY = 0o200000;
const O_PATH = 0o10000000;
const secret = 'a secret of the host';

describe('a container can’t get out of the Sentry', () => {
  let pod: SentryPod;
  let outside: string;
  /** A file of the host that the container has no path to. */
  let secretFile: string;

  beforeAll(async () => {
    if (nodeMissing() !== undefined) return;
    pod = await SentryPod.start();
    outside = mkdtempSync(join(tmpdir(), 'berth-outside-'));
    secretFile = join(outside, 'secret');
    writeFileSync(secretFile, secret, { mode: 0o666 });
  });
  beforeEach(skipIfMissing(nodeMissing));
  afterAll(async () => {
    await pod?.stop();
    if (outside) rmSync(outside, { recursive: true });
  });

  /** What raw calls give, one after the other. */
  async function results(make: (program: RawProgram) => void): Promise<number[]> {
    const program = new RawProgram();
    make(program);
    const outcome = await pod.raw(program);
    expect(outcome.exitCode).toBe(0);
    return outcome.results;
  }

  /** The results of calls that take at most a few numbers. */
  async function resultsOf(calls: Record<string, number[]>): Promise<Record<string, number>> {
    const given = await results((program) => {
      for (const [name, args] of Object.entries(calls)) program.call(name, ...args);
    });
    return Object.fromEntries(Object.keys(calls).map((name, index) => [name, given[index] as number]));
  }

  it('by .. above its root', async () => {
    const up = '../'.repeat(30);
    const opened = await results((program) => {
      for (const path of [`/${up}${secretFile}`, `${up}${secretFile}`, `/volume/${up}${secretFile}`, `/proc/self/cwd/${up}${secretFile}`])
        program.call('openat', AT_FDCWD, program.text(path), 0, 0);
    });
    expect(opened).toEqual([ENOENT, ENOENT, ENOENT, ENOENT]);
  });

  it('by symbolic links, absolute, relative and in chains, from its root and from a volume', async () => {
    const { stdout, stderr } = await pod.script(
      `ln -s ${secretFile} /absolute; ln -s ../../../../../..${secretFile} /volume/relative; ln -s /volume/relative /chain; ln -s ../../.. /volume/up
       cat /absolute /volume/relative /chain /volume/up${secretFile}`,
    );
    expect(stdout).toBe('');
    expect(stderr.match(/No such file or directory/g)).toHaveLength(4);
  });

  it('by the magic links of /proc: root, cwd, exe and fd of itself and of others', async () => {
    const paths = ['self/root', '1/root', 'self/cwd', '1/cwd', 'self/fd/0', '1/fd/1', 'self/exe'].map(
      (link) => `/proc/${link}/../../../..${secretFile}`,
    );
    const opened = await results((program) => {
      for (const path of paths) program.call('openat', AT_FDCWD, program.text(path), 0, 0);
    });
    expect(opened.every((result) => result < 0)).toBe(true);
    expect((await pod.script('cd /proc/self/root && ls ..; cat /proc/1/root/etc/hostname')).stdout).not.toContain(basename(outside));
  });

  it('by what the kernel’s own /proc and /sys offer', async () => {
    const files = [
      'sys/kernel/core_pattern',
      'sysrq-trigger',
      'kcore',
      'kallsyms',
      'keys',
      '1/mem',
      'self/mem',
      'self/ns/net',
      'self/map_files',
      'self/attr/exec',
    ];
    const opened = await results((program) => {
      for (const file of files) program.call('open', program.text(`/proc/${file}`), O_RDWR, 0);
      program.call('open', program.text('/sys/kernel/uevent_helper'), O_RDWR, 0);
    });
    expect(opened).toEqual(opened.map(() => ENOENT));
  });

  it('to processes of the host: there are none', async () => {
    const { stdout } = await pod.script('ls -d /proc/[0-9]*');
    expect(stdout.split('\n').filter(Boolean).length).toBeLessThanOrEqual(3);
    const { kill, tgkill } = await resultsOf({ kill: [process.pid, 9], tgkill: [process.pid, process.pid, 9] });
    expect([kill, tgkill]).toEqual([ESRCH, ESRCH]);
  });

  it('by mounting, or another root', async () => {
    const calls = {
      mount: [0, 0, 0, 0, 0],
      umount2: [0, 0],
      pivot_root: [0, 0],
      chroot: [0],
      open_tree: [0, 0, 0],
      move_mount: [0, 0, 0, 0, 0],
      fsopen: [0, 0],
      mount_setattr: [0, 0, 0, 0, 0],
    };
    expect(new Set(Object.values(await resultsOf(calls)))).toEqual(new Set([ENOSYS]));
  });

  it('by tracing, or the memory and descriptors of another process', async () => {
    const calls = {
      ptrace: [16, 1, 0, 0],
      process_vm_readv: [1, 0, 0, 0, 0, 0],
      process_vm_writev: [1, 0, 0, 0, 0, 0],
      pidfd_open: [1, 0],
      pidfd_getfd: [3, 0, 0],
      kcmp: [1, 1, 0, 0, 0],
      process_madvise: [3, 0, 0, 0, 0],
    };
    expect(new Set(Object.values(await resultsOf(calls)))).toEqual(new Set([ENOSYS]));
  });

  it('into namespaces, its own or others', async () => {
    const newUserAndMounts = 0x1002_0000;
    const { setns, unshare, clone, clone3 } = await resultsOf({
      setns: [3, 0],
      unshare: [newUserAndMounts],
      clone: [newUserAndMounts | 17, 0, 0, 0, 0],
      clone3: [0, 0],
    });
    expect([setns, unshare, clone, clone3]).toEqual([ENOSYS, ENOSYS, ENOSYS, ENOSYS]);
  });

  it('by calls into the depth of the host’s kernel', async () => {
    const names =
      `bpf perf_event_open io_uring_setup io_uring_enter userfaultfd keyctl add_key request_key kexec_load kexec_file_load reboot init_module
      finit_module delete_module swapon acct syslog quotactl iopl ioperm name_to_handle_at open_by_handle_at fanotify_init memfd_secret landlock_create_ruleset
      settimeofday clock_settime adjtimex sethostname lookup_dcookie modify_ldt remap_file_pages vmsplice`.split(/\s+/);
    const given = await resultsOf(Object.fromEntries(names.map((name) => [name, [0, 0, 0, 0, 0]])));
    expect(given).toEqual(Object.fromEntries(names.map((name) => [name, ENOSYS])));
  });

  it('by a filter of its own that answers in the Sentry’s place', async () => {
    const newListener = 8;
    const { seccomp, prctl } = await resultsOf({ seccomp: [1, newListener, 0], prctl: [22, 2, 0, 0, 0] });
    expect([seccomp, prctl]).toEqual([ENOSYS, EINVAL]);
  });

  it('by the 32-bit entry or x32 numbers', async () => {
    const old = new RawProgram();
    old.callOldEntry(20);
    // SIGSYS: such calls have no handler anywhere.
    expect((await pod.raw(old)).exitCode).toBe(128 + 31);
    const x32 = new RawProgram();
    x32.callNumber(0x4000_0000 | numberOf('getpid'));
    expect((await pod.raw(x32)).exitCode).toBe(128 + 31);
  });

  it('by a directory that it holds open, or works in', async () => {
    const opened = await results((program) => {
      const [root, volume] = ['/', '/volume'].map((path) => program.call('openat', AT_FDCWD, program.text(path), O_DIRECTORY, 0)) as [
        { resultOf: number },
        { resultOf: number },
      ];
      const target = program.text(`../../../..${secretFile}`);
      for (const directory of [root, volume]) program.call('openat', directory, target, 0, 0);
      for (const directory of [root, volume]) {
        program.call('fchdir', directory);
        program.call('openat', AT_FDCWD, target, 0, 0);
      }
    });
    expect(opened.slice(2)).toEqual([ENOENT, ENOENT, 0, ENOENT, 0, ENOENT]);
  });

  it('by a working directory that the OCI runtime leaks (CVE-2024-21626)', async () => {
    await pod.target.withPod({}, async (leaking) => {
      for (const descriptor of [5, 6, 7, 8, 9]) {
        const container = await leaking
          .create({
            workingDir: `/proc/self/fd/${descriptor}`,
            command: ['sh', '-c', `cat ../../../..${secretFile} && exit 99`],
            logPath: '',
          })
          .catch(() => undefined);
        const started = await container?.start().then(
          () => true,
          () => false,
        );
        if (container && started) expect((await container.ended(AbortSignal.timeout(10_000))).exitCode).not.toBe(99);
      }
    });
  });

  it('by changing a path in memory between its check and its use', async () => {
    const seen = new Set<number>();
    // Until both forms of the path were seen: before that there was no race to be lost.
    for (let round = 0; seen.size < 2 && round < 20; round++) {
      const { opened, read } = await race();
      for (const result of opened) seen.add(Math.min(result, 0));
      expect(read.some((bytes) => bytes.includes('secret'))).toBe(false);
    }
    expect(seen).toEqual(new Set([0, ENOENT]));
  });

  /** Opens and reads /volume many times while another thread puts the way out behind it, and takes it away again. */
  async function race(): Promise<{ opened: number[]; read: Buffer[] }> {
    const program = new RawProgram();
    const path = program.text(`/volume/../../../../..${secretFile}`);
    program.flip(path + '/volume'.length, 0, '/'.charCodeAt(0));
    for (let tries = 0; tries < 400; tries++) {
      const opened = program.call('openat', AT_FDCWD, path, 0, 0);
      program.call('read', opened, program.buffer(64), 64);
      program.call('close', opened);
    }
    const { results: given, buffers } = await pod.raw(program);
    return { opened: given.slice(1).filter((_, index) => index % 3 === 0), read: buffers };
  }

  it('by exchanging a directory for a link while it is looked up', async () => {
    mkdirSync(join(pod.volume, 'swap'));
    const { stdout } = await pod.script(
      `cd /volume/swap; mkdir -p real${outside}; ln -s ../../../../../../../.. link
       (i=0; while [ $i -lt 60 ]; do mv real now 2>/dev/null; mv now real; mv link now; mv now link; i=$((i+1)); done) &
       i=0; while [ $i -lt 150 ]; do cat now${secretFile} 2>/dev/null; i=$((i+1)); done; wait`,
    );
    expect(stdout).toBe('');
  });

  it('by hard links: neither out of its root nor between mounts', async () => {
    const linked = await results((program) => {
      const target = program.text('/volume/stolen');
      program.call('link', program.text(`/../../..${secretFile}`), target);
      program.call('link', program.text('/bin/busybox'), target);
      program.call('linkat', AT_FDCWD, program.text('/proc/self/root'), AT_FDCWD, target, 0x400);
      program.call('linkat', 0, program.text(''), AT_FDCWD, target, 0x1000);
    });
    expect(linked[0]).toBe(ENOENT);
    expect(linked[1]).toBe(EXDEV);
    expect(linked.every((result) => result < 0)).toBe(true);
  });

  it('by unix sockets that lie in its files', async () => {
    const server = await listening(join(pod.volume, 'socket'));
    try {
      const given = await results((program) => {
        program.call('socket', 1, 1, 0);
        program.call('socketpair', 1, 1, 0, program.buffer(8));
        program.call('connect', 0, 0, 0);
        program.call('open', program.text('/volume/socket'), O_RDWR, 0);
      });
      expect(given).toEqual([EAFNOSUPPORT, ENOSYS, ENOSYS, ENXIO]);
    } finally {
      server.close();
    }
  });

  it('by device nodes, made by itself or found in a volume', async () => {
    const [memory, disk] = ['memory', 'disk'].map((name) => join(pod.volume, name)) as [string, string];
    execFileSync('mknod', [memory, 'c', '1', '1']);
    execFileSync('mknod', [disk, 'b', '254', '0']);
    const characterDevice = 0o020666;
    const given = await results((program) => {
      program.call('mknod', program.text('/kmsg'), characterDevice, 0x10b);
      for (const name of ['memory', 'disk']) program.call('open', program.text(`/volume/${name}`), 0, 0);
      program.call('open', program.text('/dev/tty'), O_RDWR, 0);
      program.call('open', program.text('/dev/pts/ptmx'), O_RDWR, 0);
    });
    expect(given).toEqual([EPERM, EACCES, EACCES, EACCES, EACCES]);
  });

  it('by taking its mounts away', async () => {
    const { stderr } = await pod.script('rmdir /proc; mv /dev /elsewhere; rm /etc/hosts; rmdir /volume; ls /proc/1 > /dev/null');
    expect(stderr.split('\n').filter(Boolean)).toHaveLength(4);
  });

  it('by asking for what would take it out: privileges, host namespaces, devices, mounts at /proc', async () => {
    const create = (change: object) => pod.pod.create(change);
    await expect(create({ linux: { securityContext: { privileged: true } } })).rejects.toThrow('linux.security_context.privileged');
    await expect(create({ devices: [{ hostPath: '/dev/kmsg', containerPath: '/dev/kmsg', permissions: 'rw' }] })).rejects.toThrow(
      'devices',
    );
    await expect(create({ mounts: [{ hostPath: '/proc', containerPath: '/proc/host' }] })).rejects.toThrow('mounts[].container_path');
    const host = { linux: { securityContext: { namespaceOptions: { pid: 'NODE' } } } };
    const config: object = { ...pod.target.sandboxConfig(), ...host };
    await expect(pod.target.client.RunPodSandbox({ config: config as SandboxConfig })).rejects.toThrow(
      'linux.security_context.namespace_options.pid',
    );
  });

  it('by leases on files, which would keep the Sentry waiting, also with garbage above the command', async () => {
    const [F_SETLEASE, F_DUPFD_CLOEXEC, F_WRLCK] = [1024, 1030, 1];
    const given = await results((program) => {
      const file = program.call('open', program.text('/tmp/leased'), O_RDWR | 0o100, 0o600);
      program.call('fcntl', file, F_SETLEASE, F_WRLCK);
      program.call('fcntl', file, F_SETLEASE + 2 ** 32, F_WRLCK);
      program.call('fcntl', file, F_DUPFD_CLOEXEC, 10);
    });
    expect(given.slice(1)).toEqual([ENOSYS, ENOSYS, 10]);
  });

  it('by putting input into a terminal, or asking descriptors for what they don’t have', async () => {
    const [TIOCSTI, FS_IOC_GETFLAGS, FICLONE] = [0x5412, 0x8008_6601, 0x4004_9409];
    const given = await results((program) => {
      for (const request of [TIOCSTI, FS_IOC_GETFLAGS, FICLONE]) program.call('ioctl', 0, request, program.buffer(8));
    });
    expect(given).toEqual([-25, -25, -25]);
  });

  it('by places that can’t be given away (O_PATH) and bad addresses', async () => {
    const EFAULT = -14;
    const given = await results((program) => {
      program.call('open', program.text('/proc/1/root'), O_PATH | O_DIRECTORY, 0);
      program.call('open', 0, 0, 0);
      program.call('open', -4096, 0, 0);
      program.call('stat', program.text('/'), 16);
      program.call('uname', 0x7fff_ffff_f000);
    });
    expect(given[0]).toBeGreaterThan(2);
    expect(given.slice(1)).toEqual([EFAULT, EFAULT, EFAULT, EFAULT]);
  });
});

async function listening(path: string): Promise<Server> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = createServer().listen(path, resolve);
  await promise;
  return server;
}
