import { SkipCase } from '../suite.ts';
import { isNewer } from './api-release.ts';
import type { CriTarget } from './target.ts';

/** An id of the usual form that no server has given. */
export const unknownId = 'f'.repeat(64);

/** Ends the case as skipped on a target whose API hasn't got `what` yet. */
export function sinceRelease({ apiRelease }: CriTarget, release: string, what: string): void {
  if (isNewer(release, apiRelease)) throw new SkipCase(`${what} is newer (cri-api ${release}) than the target's API (${apiRelease})`);
}
