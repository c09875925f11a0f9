import type { Delegate } from './delegate.ts';
import type { CniPlugin } from './plugin.ts';
import { run } from './plugin.ts';

/** The key of VERSION's answer by which a program says that it serves, and what it has to be told (as its only argument) to do so. */
export const servesKey = 'berth.dev/serves';
export const serveArgument = '--serve';

/** One execution that is asked for, as a line of JSON on the server's stdin. */
export interface ServedRequest {
  /** Of the answer, which may come after those of later requests. */
  id: number;
  /** The name that the program would have been executed as. */
  plugin: string;
  env: Record<string, string>;
  stdin: string;
}

/** How it ended, as a line of JSON on stdout. */
export interface ServedAnswer {
  id: number;
  stdout: string;
  status: number;
}

/**
 * Executes a program's plugins over and over, for a runtime that asks for that: a line of JSON each, until stdin ends. Starting the program takes
 * longer than all that a plugin does. Every call is as by itself: what CNI says of one holds.
 */
export async function serve(
  plugins: Record<string, CniPlugin>,
  delegate: Delegate,
  lines: AsyncIterable<string>,
  write: (line: string) => void,
): Promise<void> {
  const running = new Set<Promise<void>>();
  for await (const line of lines) {
    const answered = answer(plugins, delegate, JSON.parse(line) as ServedRequest).then((answer) => write(`${JSON.stringify(answer)}\n`));
    running.add(answered);
    void answered.finally(() => running.delete(answered));
  }
  await Promise.all(running);
}

async function answer(
  plugins: Record<string, CniPlugin>,
  delegate: Delegate,
  { id, plugin, env, stdin }: ServedRequest,
): Promise<ServedAnswer> {
  const found = plugins[plugin];
  if (!found) return { id, stdout: '', status: 127 };
  let stdout = '';
  const writeStdout = (text: string): void => {
    stdout += text;
  };
  const status = await run(found, { env, readStdin: () => stdin, writeStdout, delegate });
  return { id, stdout, status };
}
