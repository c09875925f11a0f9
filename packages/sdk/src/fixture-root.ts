import { realpathSync } from 'node:fs';
import { PluginError } from './errors.ts';

/** The directory that holds a host's files: `/`, or what `--fixture` names in the host's place. INVALID_ARGUMENT where that isn't there. */
export function rootOf(fixture: string | undefined): string {
  try {
    return fixture === undefined ? '/' : realpathSync(fixture);
  } catch (thrown) {
    throw PluginError.from(thrown, 'INVALID_ARGUMENT', { object: `flag --fixture ${fixture}`, hint: 'name a directory' });
  }
}
