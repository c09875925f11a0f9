import type { Delegate } from './delegate.ts';
import type { PluginLoaders } from './delegate-within.ts';
import type { PluginIo } from './plugin.ts';
import { runWithin } from './plugin.ts';
import { type Printing, printingTo, tellPrintingApart } from './printing.ts';

/** The only argument that makes a program of ours serve. Its answer to VERSION tells it, as `berth.dev/serves`. */
export const serveArgument = '--serve';
export const servesKey = 'berth.dev/serves';

/** One execution that is asked for, as a line of JSON on the server's standard input. */
export interface ServedRequest {
  /** Of the answer, which may come after those of later requests. */
  id: number;
  /** The name that the program would be executed as. */
  plugin: string;
  /** The variables of the protocol; all others are the server's own. */
  env: Record<string, string>;
  stdin: string;
}

/** How it ended, as a line of JSON on standard output. */
export interface ServedAnswer {
  id: number;
  stdout: string;
  status: number;
}

/** What a call has printed on standard error, as a line of JSON on the server's standard output, at once: an answer may never come. */
export interface ServedStderr {
  id: number;
  stderr: string;
}

interface Serving {
  delegate: Delegate;
  /** Of the server itself. */
  env: PluginIo['env'];
  lines: AsyncIterable<string>;
  write(line: string): void;
}

/**
 * Executes a program's plugins over and over, a request and an answer each, until the lines end. It takes longer to start a program than all
 * that its plugins do. Each call is as if it were executed: what CNI says of an execution holds for it, and what it prints is its own.
 */
export async function serve(plugins: PluginLoaders, { delegate, env, lines, write }: Serving): Promise<void> {
  const undo = tellPrintingApart();
  const tell = (line: ServedAnswer | ServedStderr): void => printingTo(undefined, () => write(`${JSON.stringify(line)}\n`));
  const running = new Set<Promise<void>>();
  try {
    for await (const line of lines) {
      const request = JSON.parse(line) as ServedRequest;
      const done = answer(plugins, request, { delegate, env, tell })
        .then(tell)
        .finally(() => running.delete(done));
      running.add(done);
    }
    await Promise.all(running);
  } finally {
    undo();
  }
}

async function answer(
  plugins: PluginLoaders,
  { id, plugin, env: own, stdin }: ServedRequest,
  { delegate, env, tell }: Pick<Serving, 'delegate' | 'env'> & { tell(line: ServedStderr): void },
): Promise<ServedAnswer> {
  const load = plugins[plugin];
  if (!load) return { id, stdout: '', status: 127 };
  const found = await load();
  let printed = '';
  const printing: Printing = {
    stdout(text) {
      printed += text;
    },
    stderr: (stderr) => tell({ id, stderr }),
  };
  const { status, stdout } = await printingTo(printing, () => runWithin(found, { env: { ...env, ...own }, stdin, delegate, served: true }));
  return { id, stdout: `${printed}${stdout}`, status };
}
