import { access } from 'node:fs/promises';

/** Whether something is at this path; with `mode` (`constants.X_OK`), whether this process may use it so (access(2)). */
export async function exists(path: string, mode?: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
