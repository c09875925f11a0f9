import type { Socket } from 'node:net';
import { PluginError } from './errors.ts';
import { atFirstUse, libc } from './libc.ts';

/** socket(7), on all architectures that Node runs on under Linux. */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/** `struct ucred`: process, user and group, of 32 bits each. */
const credentialBytes = 12;
const userOffset = 4;
/** Of a socket that has no users, such as one of TCP. */
const nobody = 0xffffffff;

const userOf: () => (descriptor: number) => number | undefined = atFirstUse(bind);

/**
 * The user at the other end of a unix socket, as it was when that end connected, or began to listen (unix(7), SO_PEERCRED). Undefined where the socket
 * is closed already, or none that has users. UNIMPLEMENTED where there is no Linux, NOT_FOUND without the package koffi.
 */
export function peerUser(socket: Socket): number | undefined {
  // Node has no name for it: each of its sockets has a handle with the file's descriptor.
  const descriptor = (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd;
  return descriptor === undefined || descriptor < 0 ? undefined : userOf()(descriptor);
}

/** Whether `peerUser()` can be asked here. */
export function knowsPeers(): boolean {
  try {
    userOf();
    return true;
  } catch {
    return false;
  }
}

function bind(): (descriptor: number) => number | undefined {
  const { library } = loaded();
  const getsockopt = library.func('int getsockopt(int descriptor, int level, int name, void *value, void *length)');
  return (descriptor) => {
    const credentials = Buffer.alloc(credentialBytes);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(credentialBytes);
    const failed = getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0;
    const user = credentials.readUInt32LE(userOffset);
    return failed || user === nobody ? undefined : user;
  };
}

function loaded(): ReturnType<typeof libc> {
  try {
    return libc();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw thrown;
    throw new PluginError('NOT_FOUND', 'the package koffi is not installed', {
      object: 'the user at the other end of a socket',
      hint: 'npm install koffi',
      cause: thrown,
    });
  }
}
