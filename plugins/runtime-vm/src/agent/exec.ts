import { mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import type { StartExec, Stream } from '@berth/sdk/guest';
import type { Container } from './container.ts';
import { InputPipe } from './input.ts';
import { killProcess } from './libc.ts';
import { type OciEnd, runOci } from './oci.ts';
import { Outputs } from './output.ts';
import type { Port } from './port.ts';

/** One more process in a container: `crun exec`, which stays until the process ends. */
export class Exec {
  readonly #id: string;
  readonly #container: Container;
  readonly #directory: string;
  readonly #port: Port;
  readonly #withInput: boolean;
  readonly #pidFile: string;
  readonly #killed = new AbortController();
  #outputs: Outputs | undefined;
  #input: InputPipe | undefined;

  constructor({ id, stdin }: StartExec, container: Container, port: Port) {
    this.#id = id;
    this.#container = container;
    this.#directory = join(container.bundle, `exec-${id}`);
    this.#port = port;
    this.#pidFile = join(this.#directory, 'pid');
    this.#withInput = stdin;
  }

  /** Resolves when the process has been started; `ended` then, once the monitor has been told how it ended. What fails leaves nothing. */
  async start(args: string[]): Promise<{ ended: Promise<void> }> {
    mkdirSync(this.#directory, { mode: 0o700 });
    try {
      const outputs = new Outputs(this.#directory, this.#id, this.#port);
      this.#outputs = outputs;
      this.#input = this.#withInput ? new InputPipe(this.#directory) : undefined;
      const { promise: started, resolve } = Promise.withResolvers<void>();
      const watcher = watch(this.#directory, () => this.#pid() !== undefined && resolve());
      const ended = this.#run(args, outputs);
      this.#input?.handedOn();
      const sent = outputs.send();
      await Promise.race([started, ended]).finally(() => watcher.close());
      if (this.#pid() === undefined) this.#refuse(await ended);
      // Killed before its pid was known.
      if (this.#killed.signal.aborted) this.signal(constants.signals.SIGKILL);
      return { ended: this.#finish(ended, sent) };
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  signal(number: number): void {
    const pid = this.#pid();
    if (number === constants.signals.SIGKILL) this.#killed.abort();
    // Its group too, as far as it leads one.
    if (pid !== undefined) for (const target of [-pid, pid]) killProcess(target, number);
  }

  async write(data: Uint8Array, end: boolean): Promise<void> {
    await this.#input?.write(data);
    if (end) this.#input?.end();
  }

  grant(stream: Stream, bytes: number): void {
    this.#outputs?.grant(stream, bytes);
  }

  async #run(args: string[], { writeEnds }: Outputs): Promise<OciEnd> {
    const { process } = JSON.parse(readFileSync(join(this.#container.bundle, 'config.json'), 'utf8')) as {
      process: { oomScoreAdj?: number };
    };
    const processFile = join(this.#directory, 'process.json');
    writeFileSync(processFile, JSON.stringify({ ...process, terminal: false, args }));
    return runOci(['exec', `--process=${processFile}`, `--pid-file=${this.#pidFile}`, this.#container.id], {
      logFile: join(this.#directory, 'crun.log'),
      streams: [this.#input?.readEnd ?? 'ignore', ...writeEnds],
      oomScoreAdj: process.oomScoreAdj,
    });
  }

  /** Throws why there is no process. */
  #refuse({ code, error }: OciEnd): void {
    if (code === 0) return;
    throw new PluginError('INVALID_ARGUMENT', error ?? `crun ended with status ${code}`, {
      object: `exec in container ${this.#container.id.slice(0, 12)}`,
    });
  }

  async #finish(ended: Promise<OciEnd>, sent: Promise<void>): Promise<void> {
    const { code } = await ended;
    this.#input?.end();
    // What it left running may hold its output open; that is waited for until somebody kills the exec.
    await unlessAborted(sent, this.#killed.signal).catch(() => undefined);
    this.#release();
    await this.#port.send({ $case: 'exited', value: { process: this.#id, exitCode: code, oom: false } });
  }

  #release(): void {
    this.#outputs?.close();
    this.#input?.close();
    rmSync(this.#directory, { recursive: true, force: true });
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
