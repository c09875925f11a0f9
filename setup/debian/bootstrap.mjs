// A Debian of its own in a folder, by mmdebstrap and as root: what is in it is installed there, and nothing on this machine.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { command } from '../command.mjs';
import { pathWithTools } from '../paths.mjs';

/** Debian's release. */
export const suite = 'bookworm';
const mirror = 'http://deb.debian.org/debian';

/**
 * @param {string} directory made anew, in one step when it is whole
 * @param {object} content
 * @param {string} content.variant mmdebstrap's: `essential`, `minbase`
 * @param {string[]} content.packages besides those
 * @param {(directory: string) => Promise<void>} [content.complete] adds what isn't a package's, before the folder takes its name
 */
export async function bootstrapDebian(directory, { variant, packages, complete }) {
  const unfinished = `${directory}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(dirname(directory), { recursive: true });
  const args = [`--variant=${variant}`, `--include=${packages.join(',')}`, ...(await hostAptOptions()), suite, unfinished, mirror];
  await command('mmdebstrap', args, { env: { PATH: pathWithTools() } });
  await complete?.(unfinished);
  rmSync(directory, { recursive: true, force: true });
  renameSync(unfinished, directory);
}

/** mmdebstrap leaves the host's configuration of apt alone, but a proxy or a mirror with old dates is needed as much here. */
async function hostAptOptions() {
  const output = await command('apt-config', ['dump', 'Acquire']);
  return output.split('\n').flatMap((line) => (/^Acquire::(https?|Check)\b.*".+";$/.test(line) ? [`--aptopt=${line.slice(0, -1)}`] : []));
}
