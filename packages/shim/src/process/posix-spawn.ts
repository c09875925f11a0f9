import { constants } from 'node:os';
import { atFirstUse, libc } from '@berth/sdk/libc';

/** How a program is started. */
interface Program {
  /** Looked for on this process's PATH where it has no slash. */
  file: string;
  /** The first is the program's own name. */
  argv: string[];
  /** `NAME=value`. */
  env: string[];
  cwd: string | undefined;
  /** What become its descriptors 0, 1, 2 and so on; it inherits no other. */
  descriptors: number[];
  /** Whether it leads a session of its own. */
  newSession: boolean;
}

interface ProcessCalls {
  /** The pid of the new process. Throws what execve(2) and its like fail with, with errno's name as its `code`. */
  spawn(program: Program): number;
  /** How a child has ended (wait(2)), which is gone then; undefined while it runs. */
  reap(pid: number): number | undefined;
}

// The opaque structures are smaller in glibc and in musl.
const actionsBytes = 256;
const attributesBytes = 512;
const signalSetBytes = 128;
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
const WNOHANG = 1;

/** posix_spawn(3) and waitpid(2), bound at their first use. */
export const processCalls: () => ProcessCalls = atFirstUse(bind);

function bind(): ProcessCalls {
  const { library } = libc();
  const posixSpawn = library.func(
    'int posix_spawnp(_Out_ int *pid, const char *file, void *actions, void *attributes, const char **argv, const char **env)',
  );
  const initActions = library.func('int posix_spawn_file_actions_init(void *actions)');
  const addDup2 = library.func('int posix_spawn_file_actions_adddup2(void *actions, int descriptor, int target)');
  const addChdir = library.func('int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)');
  const destroyActions = library.func('int posix_spawn_file_actions_destroy(void *actions)');
  const initAttributes = library.func('int posix_spawnattr_init(void *attributes)');
  const setFlags = library.func('int posix_spawnattr_setflags(void *attributes, short flags)');
  const setDefaultSignals = library.func('int posix_spawnattr_setsigdefault(void *attributes, void *signals)');
  const setSignalMask = library.func('int posix_spawnattr_setsigmask(void *attributes, void *signals)');
  const fillSignalSet = library.func('int sigfillset(void *signals)');
  const waitpid = library.func('int waitpid(int pid, _Out_ int *status, int options)');

  const allSignals = Buffer.alloc(signalSetBytes);
  fillSignalSet(allSignals);
  const noSignals = Buffer.alloc(signalSetBytes);
  /** A child takes every signal as a new program does: Node ignores SIGPIPE, and that would be inherited. */
  const attributesOf = (newSession: boolean): Buffer => {
    const attributes = Buffer.alloc(attributesBytes);
    initAttributes(attributes);
    setFlags(attributes, SETSIGDEF | SETSIGMASK | (newSession ? SETSID : 0));
    setDefaultSignals(attributes, allSignals);
    setSignalMask(attributes, noSignals);
    return attributes;
  };
  const attributes = { own: attributesOf(true), shared: attributesOf(false) };

  return {
    spawn({ file, argv, env, cwd, descriptors, newSession }) {
      const actions = Buffer.alloc(actionsBytes);
      initActions(actions);
      try {
        for (const [target, descriptor] of descriptors.entries()) addDup2(actions, descriptor, target);
        if (cwd !== undefined) addChdir(actions, cwd);
        const pid = new Int32Array(1);
        const errno = posixSpawn(pid, file, actions, newSession ? attributes.own : attributes.shared, [...argv, null], [...env, null]);
        if (errno !== 0) throw failed(file, errno);
        return pid[0] as number;
      } finally {
        destroyActions(actions);
      }
    },
    reap(pid) {
      const status = new Int32Array(1);
      return waitpid(pid, status, WNOHANG) === pid ? status[0] : undefined;
    },
  };
}

function failed(file: string, errno: number): NodeJS.ErrnoException {
  const code = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? String(errno);
  return Object.assign(new Error(`spawn ${file} ${code}`), { code, errno: -errno, syscall: `spawn ${file}`, path: file });
}
