import type { Container, Pod } from '@berth/api/objects';
import type { Refusal } from '../plan/observed-pod.ts';
import type { HintProvider, ResourceHints, TopologyHint } from '../topology-manager/hint-provider.ts';
import type { DeviceHoldings } from './device-holdings.ts';
import type { DeviceReservations } from './device-reservations.ts';
import type { SavedHoldings } from './saved-holdings.ts';

interface SavedReservationsOptions {
  reservations: DeviceReservations;
  holdings: DeviceHoldings;
  saved: SavedHoldings;
  /** The pod is to have nothing any more: nobody needs to ask plugins for it. */
  onRelease(uid: string): void;
}

/** The reservations as the topology manager has them, in step with the checkpoint: it tells whose devices are lost, and is told what is free. */
export class SavedReservations implements HintProvider {
  readonly #options: SavedReservationsOptions;

  constructor(options: SavedReservationsOptions) {
    this.#options = options;
  }

  containerHints(pod: Pod, container: Container): ResourceHints {
    return this.#options.reservations.containerHints(pod, container);
  }

  podHints(pod: Pod): ResourceHints {
    return this.#options.reservations.podHints(pod);
  }

  lacks(pod: Pod, container: Container): boolean {
    return this.#options.reservations.lacks(pod, container);
  }

  allocate(pod: Pod, container: Container, hint: TopologyHint): Refusal | undefined {
    return this.#options.reservations.allocate(pod, container, hint);
  }

  holders(): string[] {
    return this.#options.reservations.holders();
  }

  adopt(pod: Pod): void {
    this.#options.saved.adopt(pod);
  }

  release(uid: string): void {
    const { reservations, holdings, saved, onRelease } = this.#options;
    const hadSome = holdings.pods().includes(uid);
    onRelease(uid);
    reservations.release(uid);
    if (hadSome) saved.changed();
  }
}
