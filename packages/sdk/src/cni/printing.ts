import type { AsyncLocalStorage } from 'node:async_hooks';

/** Takes what one of several calls within a process prints. */
export interface Printing {
  stdout(text: string): void;
  stderr(text: string): void;
}

let storage: AsyncLocalStorage<Printing | undefined> | undefined;

/** Made on need, as all modules here are loaded: a plugin that is executed once would wait for them. */
function current(): AsyncLocalStorage<Printing | undefined> {
  storage ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)();
  return storage;
}

/** Does `work`, all that it prints and starts going to `printing` while `tellPrintingApart` is in effect. */
export function printingTo<Result>(printing: Printing | undefined, work: () => Result): Result {
  return current().run(printing, work);
}

/** What a plugin prints by `console` goes to standard error: its standard output is the result's alone. */
export function printConsoleOnStderr(): void {
  for (const method of ['log', 'info', 'debug'] as const) console[method] = console.error;
}

/**
 * From now on what is printed by `console`, `process.stdout` and `process.stderr` goes where `printingTo` says, else where it went before. The
 * returned function takes that back.
 */
export function tellPrintingApart(): () => void {
  const { format } = process.getBuiltinModule('node:util');
  const undo = [divert('stdout'), divert('stderr')];
  for (const method of ['log', 'info', 'debug', 'warn', 'error'] as const) {
    const before = console[method];
    // Bun's own writes to the descriptor, past `process.stderr`.
    console[method] = (...values: unknown[]) => void process.stderr.write(`${format(...values)}\n`);
    undo.push(() => {
      console[method] = before;
    });
  }
  return () => {
    for (const step of undo) step();
  };
}

type Write = typeof process.stdout.write;

function divert(name: keyof Printing): () => void {
  const stream = process[name];
  const before = stream.write.bind(stream) as Write;
  const write = (...args: Parameters<Write>): boolean => {
    const printing = current().getStore();
    if (!printing) return before(...args);
    const [chunk, ...rest] = args as [Uint8Array | string, ...unknown[]];
    printing[name](typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
    const done = rest.at(-1);
    if (typeof done === 'function') process.nextTick(done);
    return true;
  };
  stream.write = write as Write;
  return () => {
    stream.write = before;
  };
}
