/** Why the kernel refused. */
export interface Errno {
  /** errno(3) by name. */
  code: string;
  reason: string;
}

/** Those that network changes fail with, with the words of strerror(3). A library's table would be loaded at every start. */
const known: Record<number, [code: string, reason: string]> = {
  1: ['EPERM', 'Operation not permitted'],
  2: ['ENOENT', 'No such file or directory'],
  3: ['ESRCH', 'No such process'],
  12: ['ENOMEM', 'Cannot allocate memory'],
  13: ['EACCES', 'Permission denied'],
  16: ['EBUSY', 'Device or resource busy'],
  17: ['EEXIST', 'File exists'],
  19: ['ENODEV', 'No such device'],
  22: ['EINVAL', 'Invalid argument'],
  28: ['ENOSPC', 'No space left on device'],
  34: ['ERANGE', 'Numerical result out of range'],
  40: ['ELOOP', 'Too many levels of symbolic links'],
  95: ['EOPNOTSUPP', 'Operation not supported'],
  97: ['EAFNOSUPPORT', 'Address family not supported by protocol'],
  99: ['EADDRNOTAVAIL', 'Cannot assign requested address'],
  101: ['ENETUNREACH', 'Network is unreachable'],
  113: ['EHOSTUNREACH', 'No route to host'],
};

/** `words`: the kernel's own, which say more than those of the number. */
export function errnoOf(number: number, words?: string): Errno {
  const [code, reason] = known[number] ?? ['UNKNOWN', `error ${number}`];
  return { code, reason: words ? `${words} (${reason})` : reason };
}

/** The name of the errno that a program's message holds; 'UNKNOWN' where it isn't known. */
export function codeOfText(message: string): string {
  const found = Object.values(known).find(([, reason]) => message.includes(reason));
  return found?.[0] ?? 'UNKNOWN';
}
