import { type FSWatcher, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { type StartExec, Stream } from '@berth/sdk/guest';
import type { Container } from './container.ts';
import { InputPipe } from './input.ts';
import { killProcess } from './libc.ts';
import { runOci } from './oci.ts';
import { OutputPipe } from './output.ts';
import type { Port } from './port.ts';

/** One more process in a container: `crun exec`, which stays until the process ends. */
export class Exec {
  readonly #id: string;
  readonly #directory: string;
  readonly #port: Port;
  readonly #outputs: OutputPipe[];
  readonly #input: InputPipe | undefined;
  readonly #pidFile: string;
  readonly #killed = Promise.withResolvers<void>();

  constructor({ id, stdin }: StartExec, container: Container, port: Port) {
    this.#id = id;
    this.#directory = join(container.bundle, `exec-${id}`);
    this.#port = port;
    this.#pidFile = join(this.#directory, 'pid');
    mkdirSync(this.#directory, { mode: 0o700 });
    this.#outputs = [Stream.STREAM_STDOUT, Stream.STREAM_STDERR].map((stream) => new OutputPipe(this.#directory, id, stream, port));
    this.#input = stdin ? new InputPipe(this.#directory) : undefined;
  }

  /** Resolves when the process has been started; `ended` then, once the monitor has been told how it ended. */
  async start({ args }: StartExec, container: Container): Promise<{ ended: Promise<void> }> {
    const { process } = JSON.parse(readFileSync(join(container.bundle, 'config.json'), 'utf8')) as { process: object };
    const processFile = join(this.#directory, 'process.json');
    writeFileSync(processFile, JSON.stringify({ ...process, terminal: false, args }));
    const [stdout, stderr] = this.#outputs.map(({ writeEnd }) => writeEnd) as [number, number];
    const options = [`--process=${processFile}`, `--pid-file=${this.#pidFile}`];
    const { started, watcher } = this.#watchPidFile();
    const running = runOci(['exec', ...options, container.id], join(this.#directory, 'crun.log'), [
      this.#input?.readEnd ?? 'ignore',
      stdout,
      stderr,
    ]);
    this.#input?.closeReadEnd();
    for (const output of this.#outputs) output.closeWriteEnd();
    const copied = Promise.all(this.#outputs.map((output) => output.copy()));
    const first = await Promise.race([started, running.ended]);
    watcher.close();
    if (first?.said !== undefined) {
      this.#input?.end();
      rmSync(this.#directory, { recursive: true, force: true });
      throw new PluginError('INVALID_ARGUMENT', first.said, { object: `exec in container ${container.id.slice(0, 12)}` });
    }
    return { ended: this.#finish(running.ended, copied) };
  }

  signal(number: number): void {
    const pid = this.#pid();
    if (number === constants.signals.SIGKILL) this.#killed.resolve();
    // Its group too, as far as it leads one.
    if (pid !== undefined) for (const target of [-pid, pid]) killProcess(target, number);
  }

  async write(data: Uint8Array, end: boolean): Promise<void> {
    await this.#input?.write(data);
    if (end) this.#input?.end();
  }

  grant(stream: Stream, bytes: number): void {
    this.#outputs[stream === Stream.STREAM_STDOUT ? 0 : 1]?.grant(bytes);
  }

  async #finish(ended: Promise<{ code: number }>, copied: Promise<unknown>): Promise<void> {
    const { code } = await ended;
    this.#input?.end();
    // What it left running may hold its output open; that is waited for until somebody kills the exec.
    await Promise.race([copied, this.#killed.promise]);
    rmSync(this.#directory, { recursive: true, force: true });
    await this.#port.send({ $case: 'exited', value: { process: this.#id, exitCode: code, oom: false } });
  }

  /** `started` resolves when crun has written the pid of the process. */
  #watchPidFile(): { started: Promise<undefined>; watcher: FSWatcher } {
    const { promise: started, resolve } = Promise.withResolvers<undefined>();
    const watcher = watch(this.#directory, () => (this.#pid() === undefined ? undefined : resolve(undefined)));
    return { started, watcher };
  }

  #pid(): number | undefined {
    try {
      const pid = Number.parseInt(readFileSync(this.#pidFile, 'utf8'), 10);
      return Number.isNaN(pid) ? undefined : pid;
    } catch {
      return undefined;
    }
  }
}
