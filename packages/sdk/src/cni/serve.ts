import type { Delegate } from './delegate.ts';
import type { CniPlugin, PluginIo } from './plugin.ts';
import { runWithin } from './plugin.ts';

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

interface Serving {
  delegate: Delegate;
  /** Of the server itself. */
  env: PluginIo['env'];
  lines: AsyncIterable<string>;
  write(line: string): void;
}

/**
 * Executes a program's plugins over and over, a request and an answer each, until the lines end. It takes longer to start a program than all
 * that its plugins do. Each call is as if it were executed: what CNI says of an execution holds for it.
 */
export async function serve(plugins: Record<string, CniPlugin>, { delegate, env, lines, write }: Serving): Promise<void> {
  const running = new Set<Promise<void>>();
  for await (const line of lines) {
    const request = JSON.parse(line) as ServedRequest;
    const done = answer(plugins, request, { delegate, env })
      .then((answered) => write(`${JSON.stringify(answered)}\n`))
      .finally(() => running.delete(done));
    running.add(done);
  }
  await Promise.all(running);
}

async function answer(
  plugins: Record<string, CniPlugin>,
  { id, plugin, env: own, stdin }: ServedRequest,
  { delegate, env }: Pick<Serving, 'delegate' | 'env'>,
): Promise<ServedAnswer> {
  const found = plugins[plugin];
  if (!found) return { id, stdout: '', status: 127 };
  return { id, ...(await runWithin(found, { env: { ...env, ...own }, stdin, delegate })) };
}
