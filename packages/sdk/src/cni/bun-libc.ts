interface BunLibc {
  /** setns(2): 0 where it succeeds. */
  setns(descriptor: number, kind: number): number;
  /** flock(2): 0 where it succeeds. */
  flock(descriptor: number, operation: number): number;
  /** socket(2): a descriptor, negative where it fails. */
  socket(family: number, type: number, protocol: number): number;
  /** setsockopt(2): 0 where it succeeds. */
  setsockopt(descriptor: number, level: number, option: number, value: Uint8Array, length: number): number;
  /** send(2): the number of bytes sent, negative where it fails. */
  send(descriptor: number, bytes: Uint8Array, length: number, flags: number): number;
  /** recv(2): the number of bytes received, negative where it fails. */
  recv(descriptor: number, bytes: Uint8Array, length: number, flags: number): number;
}

interface ForeignFunctions {
  dlopen<Symbols = BunLibc>(library: string, symbols: object): { symbols: Symbols };
  read: { i32(address: number, offset: number): number };
}

// Imported, it costs half of what it does asked for when it is first needed: 0.3 ms.
// @ts-expect-error only Bun has the module
const foreignFunctions = process.versions.bun === undefined ? undefined : ((await import('bun:ffi')) as ForeignFunctions);

let bound: BunLibc | undefined | null = null;

/** System calls that JavaScript doesn't have, where this is a Bun executable on a host with glibc; undefined elsewhere. */
export function bunLibc(): BunLibc | undefined {
  if (bound === null) bound = bind();
  return bound;
}

function bind(): BunLibc | undefined {
  const number = 'i32';
  const transfer = { args: [number, 'ptr', number, number], returns: number };
  try {
    return foreignFunctions?.dlopen('libc.so.6', {
      setns: { args: [number, number], returns: number },
      flock: { args: [number, number], returns: number },
      socket: { args: [number, number, number], returns: number },
      setsockopt: { args: [number, number, number, 'ptr', number], returns: number },
      send: transfer,
      recv: transfer,
    }).symbols;
  } catch {
    return undefined;
  }
}

/**
 * Makes a system call of `bunLibc` once more and gives its errno(3), 0 where it succeeds: to have what reads the number costs 0.2 ms, which only a
 * failure is to pay.
 */
export function errnoOfRetry(call: () => number): number {
  if (foreignFunctions === undefined) return 0;
  const { dlopen, read } = foreignFunctions;
  const symbols = { __errno_location: { args: [], returns: 'ptr' } };
  const errno = dlopen<{ __errno_location(): number }>('libc.so.6', symbols).symbols.__errno_location;
  return call() < 0 ? read.i32(errno(), 0) : 0;
}
