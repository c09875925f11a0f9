import { PluginError } from '@berth/sdk/errors';
import type { Binder } from './binder.ts';
import type { SchedulerConfiguration } from './configuration.ts';
import type { Profile } from './profile.ts';
import { ProfileLoader } from './profile-loader.ts';

/** Profiles with their plugins, ready to place pods. */
export interface LoadedProfiles {
  profiles: Profile[];
  /** Ends the connections to plugins in other processes. */
  close(): void;
}

/**
 * Makes the plugins of each profile, and loads those that don't come with the scheduler. Throws a PluginError that names the file and
 * the field if a plugin isn't known, can't be loaded, or hasn't the point that it is enabled at.
 */
export async function loadProfiles(configuration: SchedulerConfiguration, binder: Binder): Promise<LoadedProfiles> {
  const closers: (() => void)[] = [];
  const close = () => {
    for (const each of closers.splice(0).reverse()) each();
  };
  try {
    const profiles: Profile[] = [];
    for (const index of configuration.profiles.keys()) {
      profiles.push(await new ProfileLoader(configuration, index, binder, (closer) => closers.push(closer)).load());
    }
    checkQueueSort(profiles, configuration.file);
    return { profiles, close };
  } catch (thrown) {
    close();
    throw thrown;
  }
}

/** There is one queue, so there is one order. */
function checkQueueSort([first, ...others]: Profile[], file: string | undefined): void {
  const other = others.find(({ queueSort }) => queueSort.name !== first?.queueSort.name);
  if (!other) return;
  const what = `profile ${other.schedulerName} has queueSort plugin ${other.queueSort.name}, ${first?.schedulerName} has ${first?.queueSort.name}`;
  throw new PluginError('INVALID_ARGUMENT', what, { object: file, hint: 'all profiles need the same one' });
}
