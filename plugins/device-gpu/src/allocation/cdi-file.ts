import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PluginError } from '@berth/sdk/errors';
import { replaceFile } from '@berth/sdk/replace-file';
import type { GpuSource } from '../discovery/gpu-source.ts';
import type { Unit } from '../resources/resources.ts';
import type { AllocationFiles } from './allocation-files.ts';
import { cdiSpecification, hasUnits } from './cdi-specification.ts';

const commandDeadlineMs = 60_000;

interface CdiFileOptions {
  /** Where runtimes look: `/var/run/cdi`. */
  directory: string;
  kind: string;
  /** Whether NVIDIA's own tool may be asked first, which knows more of a driver's files. */
  useTool: boolean;
  log(message: string): void;
  /** What executes a program and gives its standard output. */
  execute?: (file: string, args: readonly string[], signal: AbortSignal) => Promise<string>;
}

interface ToolQuestion {
  source: GpuSource['name'];
  driverFiles: boolean;
  libraryDirectory?: string | undefined;
}

/** Whether `nvidia-ctk` does what is wanted: it calls GPUs by their UUIDs, and knows none of these settings. */
export function toolFits({ source, driverFiles, libraryDirectory }: ToolQuestion): boolean {
  return source === 'nvml' && driverFiles && libraryDirectory === undefined;
}

/** The CDI specification of the GPUs here. Its file outlives the plugin: containers that have their devices by it may start anew at any time. */
export class CdiFile {
  readonly #options: CdiFileOptions;
  #written = '';

  constructor(options: CdiFileOptions) {
    this.#options = options;
  }

  get path(): string {
    return join(this.#options.directory, `${this.#options.kind.replaceAll('/', '-')}.json`);
  }

  /** Writes it for these units, if they are others than before and there are any. Rejects with an error that names the file. */
  async write(units: readonly Unit[], files: AllocationFiles, signal: AbortSignal): Promise<void> {
    // Without devices it wouldn't be a specification (CDI's SPEC.md), and the driver may only be late.
    if (units.length === 0) return;
    const wanted = JSON.stringify(cdiSpecification(this.#options.kind, units, files), undefined, 2);
    if (wanted === this.#written) return;
    const text = (this.#options.useTool ? await this.#generated(units, signal) : undefined) ?? wanted;
    try {
      await replaceFile(this.path, `${text}\n`, { mode: 0o644, directoryMode: 0o755 });
    } catch (thrown) {
      throw PluginError.from(thrown, 'INTERNAL', {
        object: `CDI specification ${this.path}`,
        hint: 'choose another directory by --cdi-root',
      });
    }
    this.#written = wanted;
  }

  /** By `nvidia-ctk cdi generate`; undefined where it isn't there, or doesn't tell of all units. */
  async #generated(units: readonly Unit[], signal: AbortSignal): Promise<string | undefined> {
    const { kind, log, execute = executed } = this.#options;
    const [vendor, name] = kind.split('/');
    const args = ['cdi', 'generate', '--format=json', '--device-name-strategy=uuid', `--vendor=${vendor}`, `--class=${name}`];
    try {
      const text = await execute('nvidia-ctk', args, signal);
      if (hasUnits(JSON.parse(text), kind, units)) return text.trim();
      log("nvidia-ctk doesn't tell of all GPUs here; the CDI specification is the plugin's own");
    } catch (thrown) {
      signal.throwIfAborted();
      const { code, message } = thrown as NodeJS.ErrnoException;
      if (code !== 'ENOENT') log(`nvidia-ctk failed, and the CDI specification is the plugin's own: ${message.split('\n')[0]}`);
    }
    return undefined;
  }
}

async function executed(file: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { stdout } = await promisify(execFile)(file, [...args], { signal, timeout: commandDeadlineMs, maxBuffer: 2 ** 26 });
  return stdout;
}
