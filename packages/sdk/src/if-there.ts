import { PluginError } from './errors.ts';

/** What was found at a path; undefined where nothing is. What else is wrong with it is thrown, so that it isn't taken for an absence. */
export async function ifThere<Found>(path: string, look: Promise<Found>): Promise<Found | undefined> {
  try {
    return await look;
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR'].includes((thrown as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw PluginError.from(thrown, 'INTERNAL', { object: path });
  }
}
