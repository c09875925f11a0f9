// Runs npm, the one that was found or the one that set-up fetched, and tells what it downloaded.
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { command } from './command.mjs';
import { bytesIn } from './disk-usage.mjs';
import { node, npmCli } from './paths.mjs';

/** Settings of a surrounding `npm start` or of the user that would change what is installed. */
const neutral = {
  npm_config_omit: undefined,
  npm_config_include: undefined,
  npm_config_global: undefined,
  npm_config_prefix: undefined,
  npm_config_workspace: undefined,
  npm_config_engine_strict: undefined,
  npm_config_package_lock: undefined,
  NODE_ENV: undefined,
  NODE_OPTIONS: undefined,
};

const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error', '--ignore-scripts'];

/** The npm that runs this script, else the one on PATH. */
export function hostNpm(args, options) {
  const cli = process.env.npm_execpath;
  return cli?.endsWith('.js') ? npm(process.execPath, [cli, ...args], options) : npm('npm', args, options);
}

/** The npm that set-up fetched, on the Node that set-up fetched. */
export function ownNpm(args, options) {
  return npm(node, [npmCli, ...args], { ...options, env: { PATH: [dirname(node), process.env.PATH].join(delimiter), ...options.env } });
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ downloaded: number }>} bytes by which npm's cache grew: packages that it had already cost nothing
 */
async function npm(program, args, { cwd, env = {} }) {
  const cached = join(env.npm_config_cache ?? process.env.npm_config_cache ?? join(homedir(), '.npm'), '_cacache', 'content-v2');
  const before = bytesIn(cached);
  await command(program, [...args, ...quiet], { cwd, env: { ...neutral, ...env } });
  return { downloaded: Math.max(0, bytesIn(cached) - before) };
}
