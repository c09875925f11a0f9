// Fetches Debian packages with the libraries that the host lacks, by apt but without installing: own lists, own archives,
// the host's packages only read. An ordinary user may do all of it.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../command.mjs';
import { bytesIn } from '../disk-usage.mjs';
import { cache } from '../paths.mjs';
import { withoutRelations } from './package-status.mjs';

const directory = join(cache, 'apt');
const configuration = join(directory, 'apt.conf');
const archives = join(directory, 'cache', 'archives');

/** Hooks of the host are cleared: they would change its caches. */
const settings = `
Dir::State "${directory}/state/";
Dir::State::status "${directory}/status";
Dir::Cache "${directory}/cache/";
Dir::Log "${directory}/log/";
Debug::NoLocking "true";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
APT::Get::Assume-Yes "true";
APT::Get::Download-Only "true";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
`;

/**
 * Unpacks packages, and what they depend on that the host hasn't installed, into a folder.
 * @param {string[]} packages
 * @param {string} target made anew
 * @returns {Promise<{ downloaded: number, missing: Map<string, string> }>} bytes, and the packages that can't be had with apt's reason
 */
export async function unpackPackages(packages, target) {
  rmSync(directory, { recursive: true, force: true });
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'log']) mkdirSync(join(directory, folder), { recursive: true });
  writeFileSync(configuration, settings);
  writeFileSync(join(directory, 'status'), withoutRelations(readFileSync('/var/lib/dpkg/status', 'utf8')));
  // A source that doesn't answer is no matter as long as the packages are found in the others.
  await apt('update').catch(() => undefined);
  const lists = bytesIn(join(directory, 'state', 'lists'));
  const missing = await download(packages);
  mkdirSync(target, { recursive: true });
  const files = readdirSync(archives).filter((name) => name.endsWith('.deb'));
  for (const file of files) await command('dpkg-deb', ['--extract', join(archives, file), target]);
  const downloaded = lists + bytesIn(archives);
  rmSync(directory, { recursive: true, force: true });
  return { downloaded, missing };
}

/** All at once; if that fails, one by one, so that those which can be had are. */
async function download(packages) {
  const missing = new Map();
  try {
    await apt('install', ...packages);
  } catch {
    for (const name of packages) await apt('install', name).catch((error) => missing.set(name, reasonOf(error)));
  }
  return missing;
}

function apt(...args) {
  return command('apt-get', [`--config-file=${configuration}`, '--quiet=2', ...args], {
    env: { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
  });
}

function reasonOf(error) {
  return /^E: (.*)$/m.exec(error.message)?.[1] ?? error.message;
}
