import { PluginError } from '@berth/sdk/errors';

/** Each costs a process or two, and up to 16 MiB of output: more than any node's probes need at once. */
const defaultMost = 250;

/** How many commands of ExecSync may run at once. */
export class CommandSlots {
  readonly #most: number;
  #running = 0;

  constructor(most = defaultMost) {
    this.#most = most;
  }

  /** Takes a slot, which the function that it gives lets go of; RESOURCE_EXHAUSTED if there is none. */
  enter(object: string): () => void {
    if (this.#running >= this.#most) {
      throw new PluginError('RESOURCE_EXHAUSTED', `${this.#most} commands of ExecSync are running`, {
        object,
        hint: 'try again when some have ended, or set timeouts',
      });
    }
    this.#running += 1;
    return () => {
      this.#running -= 1;
    };
  }
}
