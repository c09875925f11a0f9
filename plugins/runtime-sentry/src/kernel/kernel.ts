import { Credentials } from './credentials.ts';
import { EBADF, ENOENT, ENOTDIR, EPERM, ESRCH } from './errno.ts';
import {
  AT_FDCWD,
  closeDescriptor,
  linkTarget,
  type NameIn,
  O_PATH,
  openHost,
  SEEK_CUR,
  SEEK_SET,
  seek,
  shareDescriptor,
} from './files/host-files.ts';
import { type Found, Paths } from './files/paths.ts';
import type { Machine } from './machine.ts';
import type { SystemCall } from './notifications.ts';
import { ProcTree } from './proc/proc-tree.ts';
import type { Task } from './task.ts';
import { TaskMemory } from './task-memory.ts';
import { Tasks } from './tasks.ts';

/** All that the answers to one container's system calls are made of. */
export class Kernel {
  readonly machine: Machine;
  readonly memory: TaskMemory;
  readonly tasks: Tasks;
  readonly credentials = new Credentials();
  readonly paths: Paths;
  readonly proc: ProcTree;

  readonly #isWaiting: () => boolean;

  /** `root` is an O_PATH descriptor of the container's root directory, closed with the kernel; `isWaiting` tells whether the present call still waits for its answer. */
  constructor(root: number, machine: Machine, isWaiting: () => boolean) {
    this.#isWaiting = isWaiting;
    this.memory = new TaskMemory(isWaiting);
    this.tasks = new Tasks(isWaiting);
    this.machine = machine;
    this.paths = new Paths(root);
    this.proc = new ProcTree(root, machine);
  }

  close(): void {
    this.tasks.forget();
    this.proc.close();
    closeDescriptor(this.paths.root);
  }

  /** The absolute path that a call names: by the path at argument `at`, relative to the directory at argument `directory` if there is one. Or an errno. */
  pathOf(call: SystemCall, at: number, directory?: number): string | number {
    const path = this.memory.path(call.tid, call.arg(at));
    if (typeof path === 'number' || path.startsWith('/')) return path;
    if (path === '') return -ENOENT;
    const base = this.placeOf(call.tid, directory === undefined ? AT_FDCWD : call.int(directory));
    return typeof base === 'number' ? base : `${base}/${path}`;
  }

  /**
   * Where a descriptor of a thread, or its working directory, is in its container. Only a text, which is followed from the root
   * like any other: a directory from elsewhere, that somebody let it inherit, is none here.
   */
  placeOf(tid: number, descriptor: number): string | number {
    const target = linkTarget(AT_FDCWD, descriptor === AT_FDCWD ? `/proc/${tid}/cwd` : `/proc/${tid}/fd/${descriptor}`);
    if (typeof target === 'number') return target === -ENOENT ? -EBADF : target;
    if (!this.#isWaiting()) return -ESRCH;
    return target.startsWith('/') ? target : -ENOTDIR;
  }

  /** Writes a result into the caller's memory; an errno stays one. */
  store(call: SystemCall, address: number, result: Uint8Array | number): number {
    return typeof result === 'number' ? result : this.memory.write(call.tid, address, result);
  }

  /** Does `work` with what is at a path, and with the caller's rights. The descriptor is closed afterwards. An errno in place of the path stays one. */
  at<Result>(call: SystemCall, path: string | number, follow: boolean, work: (found: Found, task: Task) => Result): Result | number {
    if (typeof path === 'number') return path;
    return this.asCaller(call, (task) => {
      const found = this.#find(path, follow, task);
      if (typeof found === 'number') return found;
      try {
        return work(found, task);
      } finally {
        if (found.kind === 'file') closeDescriptor(found.at);
      }
    });
  }

  /** The same with the directory that a path's last step is in. /proc has nothing that could be made, changed or removed. */
  within(call: SystemCall, path: string | number, work: (entry: NameIn) => number, follow = false): number {
    if (typeof path === 'number') return path;
    return this.asCaller(call, (task) => {
      const entry = this.paths.entry(path, follow, (place) => this.proc.link(place, task));
      if (typeof entry === 'number') return entry;
      if ('kind' in entry) return -EPERM;
      try {
        return work(entry);
      } finally {
        closeDescriptor(entry.directory);
      }
    });
  }

  /** The same for what is to be made there: `masked` are the permissions in `mode` that the caller's umask leaves. */
  make(call: SystemCall, path: string | number, mode: number, work: (entry: NameIn, masked: number) => number, follow = false): number {
    const umask = this.tasks.umask(call.tid);
    if (umask === undefined) return -ESRCH;
    return this.within(call, path, (entry) => work(entry, mode & 0o7777 & ~umask), follow);
  }

  /** Does `work` with the rights of the caller. */
  asCaller<Result>(call: SystemCall, work: (task: Task) => Result): Result | number {
    const task = this.tasks.find(call.tid);
    if (!task) return -ESRCH;
    return this.credentials.lend(task.credentials, () => work(task));
  }

  /** Does `work` with what a descriptor of the caller refers to. */
  withDescriptor<Result>(call: SystemCall, descriptor: number, work: (at: number) => Result): Result | number {
    const at = openHost(descriptor === AT_FDCWD ? `/proc/${call.tid}/cwd` : `/proc/${call.tid}/fd/${descriptor}`, O_PATH);
    if (at < 0) return at === -ENOENT ? -EBADF : at;
    try {
      return this.#isWaiting() ? work(at) : -ESRCH;
    } finally {
      closeDescriptor(at);
    }
  }

  /** Does `work` with the file offset of a caller's descriptor, and sets it anew: whoever else has the same open file sees it too. */
  withOffset(call: SystemCall, descriptor: number, work: (offset: number) => { result: number; offset: number }): number {
    const task = this.tasks.find(call.tid);
    if (!task) return -ESRCH;
    const shared = shareDescriptor(task.processId, descriptor);
    if (shared < 0) return shared;
    try {
      const { result, offset } = work(seek(shared, 0, SEEK_CUR));
      seek(shared, offset, SEEK_SET);
      return result;
    } finally {
      closeDescriptor(shared);
    }
  }

  #find(path: string, follow: boolean, task: Task): Found | number {
    const found = this.paths.find(path, follow, (place) => this.proc.link(place, task));
    if (typeof found === 'number' || found.kind !== 'proc') return found;
    if (found.mustBeDirectory) {
      const F_OK = 0;
      return this.proc.isDirectory(found.path, task) ? found : this.proc.access(found.path, F_OK, task) || -ENOTDIR;
    }
    if (!follow) return found;
    const at = this.proc.through(found.path, task);
    if (at === undefined) return found;
    return at < 0 ? at : { kind: 'file', at, path };
  }
}
