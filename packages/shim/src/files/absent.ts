/** For `catch`: undefined for a file or directory that isn't there; any other error is thrown on. */
export function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
