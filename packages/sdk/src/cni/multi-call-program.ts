import { basename } from 'node:path';
import { delegateWithin } from './delegate-within.ts';
import type { CniPlugin } from './plugin.ts';
import { processIo, run } from './plugin.ts';
import { serve, serveArgument, servesKey } from './serve.ts';

/**
 * Runs a program that is several plugins: the one that it is executed as, once, as the spec says; or all of them over and over, where its only
 * argument is that of `serve`. Gives the exit status.
 */
export async function runMultiCallProgram(
  plugins: Record<string, CniPlugin>,
  [name, ...args] = [basename(process.argv0), ...process.argv.slice(2)],
): Promise<number> {
  const delegate = delegateWithin(plugins);
  if (args[0] === serveArgument) {
    // Loaded on need: a plugin that is executed once would wait for it.
    const { createInterface } = await import('node:readline');
    const lines = createInterface({ input: process.stdin });
    await serve(plugins, { delegate, env: process.env, lines, write: (line) => process.stdout.write(line) });
    return 0;
  }
  const plugin = name === undefined ? undefined : plugins[name];
  if (plugin) return run(plugin, { ...processIo(), delegate, versionKeys: { [servesKey]: serveArgument } });
  process.stderr.write(`${name} is no plugin of this program; execute it as one of ${Object.keys(plugins).join(', ')}\n`);
  return 1;
}
