import { basename } from 'node:path';
import { delegateWithin, type PluginLoaders } from './delegate-within.ts';
import { processIo, run } from './plugin.ts';
import { serve, serveArgument, servesKey } from './serve.ts';

/**
 * Runs a program that is several plugins: the one that it is executed as, once, as the spec says; or all of them over and over, where its only
 * argument is that of `serve`. Gives the exit status.
 */
export async function runMultiCallProgram(
  plugins: PluginLoaders,
  [name, ...args] = [basename(process.argv0), ...process.argv.slice(2)],
): Promise<number> {
  if (args[0] === serveArgument) {
    compileAsUsual();
    // Loaded on need: a plugin that is executed once would wait for it.
    const { createInterface } = await import('node:readline');
    const lines = createInterface({ input: process.stdin });
    await serve(plugins, {
      delegate: delegateWithin(plugins, { served: true }),
      env: process.env,
      lines,
      write: (line) => process.stdout.write(line),
    });
    return 0;
  }
  const load = name === undefined ? undefined : plugins[name];
  if (load) return run(await load(), { ...processIo(), delegate: delegateWithin(plugins), versionKeys: { [servesKey]: serveArgument } });
  process.stderr.write(`${name} is no plugin of this program; execute it as one of ${Object.keys(plugins).join(', ')}\n`);
  return 1;
}

/** An executable may be made to compile its code to the processor's own late, which pays off in one execution, and not in a server. */
function compileAsUsual(): void {
  const { Bun } = globalThis as { Bun?: { unsafe: { setJITPolicy?(scale: number): void } } };
  Bun?.unsafe.setJITPolicy?.(1);
}
