import type { ContainerEventResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';

/** GetContainerEvents of a runtime in a test. */
export class EventStreams {
  /** False: the runtime has no such call. */
  served = false;
  /** How many streams were asked for. */
  asked = 0;
  readonly #streams = new Set<(event: ContainerEventResponse | undefined) => void>();

  tell(event: ContainerEventResponse): void {
    for (const stream of this.#streams) stream(event);
  }

  /** Ends the streams that there are. */
  end(): void {
    for (const stream of this.#streams) stream(undefined);
  }

  async *listen(signal: AbortSignal): AsyncGenerator<ContainerEventResponse, void> {
    this.asked++;
    if (!this.served) throw new PluginError('UNIMPLEMENTED', 'it tells no events');
    const waiting: (ContainerEventResponse | undefined)[] = [];
    let wake = Promise.withResolvers<void>();
    const stream = (event: ContainerEventResponse | undefined) => {
      waiting.push(event);
      wake.resolve();
    };
    const stop = () => stream(undefined);
    this.#streams.add(stream);
    signal.addEventListener('abort', stop);
    try {
      for (;;) {
        await wake.promise;
        wake = Promise.withResolvers();
        for (const event of waiting.splice(0)) {
          if (!event) return;
          yield event;
        }
      }
    } finally {
      this.#streams.delete(stream);
      signal.removeEventListener('abort', stop);
    }
  }
}
