import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import type { Clock } from '../clock.ts';
import { fullNameOf, resourceContainers, uidOf } from '../pod.ts';
import { DeviceCheckpoint, type DeviceMemory } from './device-checkpoint.ts';
import type { DeviceHoldings, Holder } from './device-holdings.ts';
import { deviceRequests } from './device-requests.ts';

interface SavedHoldingsOptions {
  /** Of the checkpoint. */
  directory: string;
  /** Of the host's run. */
  bootId: string;
  holdings: DeviceHoldings;
  /** Tells of what a person has to mend. */
  warn(reason: string, message: string): void;
  clock: Clock;
}

/** What changes closer together than this is one write, which most often is made while a runtime makes the sandbox. */
const writeAfterMs = 10;

/** Who has which devices, as the next kubelet is to know it. */
export class SavedHoldings {
  readonly #options: SavedHoldingsOptions;
  readonly #checkpoint: DeviceCheckpoint;
  /** Nobody knows any more which devices pods of before have. */
  #lost = false;
  /** The resources in the checkpoint, as text. */
  #resources = '';
  #unsaved = false;
  /** Takes back the write that is to come. */
  #due: (() => void) | undefined;

  constructor(options: SavedHoldingsOptions) {
    this.#options = options;
    this.#checkpoint = new DeviceCheckpoint(options.directory);
  }

  /** Takes up what the kubelet before this one knew; gives the resources whose plugins it had. A checkpoint that can't be read is put aside, and told of. */
  load(): string[] {
    const { holdings } = this.#options;
    const memory = this.#read();
    this.#lost = memory === undefined;
    for (const holding of memory?.holdings ?? []) holdings.put(holding);
    for (const holder of memory?.unknown ?? []) holdings.addUnknownDevices(holder);
    return [...(memory?.registered ?? [])];
  }

  /** Something has been given or is free: it is on disk soon. Whoever hands out what was given flushes before. */
  changed(): void {
    this.#unsaved = true;
    this.#due ??= this.#options.clock.after(writeAfterMs, () => {
      this.#due = undefined;
      this.#flushOrWarn();
    });
  }

  /** All that has changed is on disk. Throws where it can't be written; then it is still to be. */
  flush(): void {
    if (!this.#unsaved) return;
    this.#write();
    this.#unsaved = false;
  }

  /** Nothing changes any more: flushes, or tells why it can't. */
  close(): void {
    this.#flushOrWarn();
    this.#due?.();
  }

  /** There may be plugins of other resources than before. */
  pluginsChanged(): void {
    const resources = this.#options.holdings.resources.toSorted().join(' ');
    if (resources !== this.#resources) this.changed();
    this.#resources = resources;
  }

  /** The pod ran before this kubelet was started: what it has is handed out to nobody, though it may be lost which devices these are. */
  adopt(pod: Pod): void {
    if (!this.#lost) return;
    const { holdings } = this.#options;
    for (const container of resourceContainers(pod)) {
      for (const resource of deviceRequests(container).keys()) {
        const holder = { uid: uidOf(pod), container: container.name, resource };
        if (!holdings.get(holder) && !holdings.hasUnknownDevices(holder)) this.#addUnknownDevices(pod, holder);
      }
    }
  }

  #flushOrWarn(): void {
    try {
      this.flush();
    } catch (thrown) {
      this.#options.warn('DeviceCheckpointFailed', `the device manager's checkpoint can't be written: ${PluginError.from(thrown).message}`);
    }
  }

  #write(): void {
    const { holdings, bootId } = this.#options;
    const answered = holdings.all().filter(({ answer }) => answer);
    const registered = holdings.resources;
    const unknown = holdings.holdersOfUnknown();
    this.#checkpoint.save({ holdings: answered, unknown, registered, bootId }, (resource) => holdings.devicesOf(resource));
  }

  #addUnknownDevices(pod: Pod, holder: Holder): void {
    this.#options.holdings.addUnknownDevices(holder);
    const cure = 'none of that resource are handed out until the pod has ended, or its container begins anew and is given others';
    const message = `which devices of ${holder.resource} container ${holder.container} of pod ${fullNameOf(pod)} has is not known any more: the checkpoint was lost; ${cure}`;
    this.#options.warn('DeviceCheckpointLost', message);
  }

  #read(): DeviceMemory | undefined {
    try {
      return this.#checkpoint.load();
    } catch (thrown) {
      const { warn } = this.#options;
      const aside = this.#checkpoint.putAside();
      const blocked = 'devices that pods of before have are not handed out to others until those pods have ended';
      warn('DeviceCheckpointBroken', `${PluginError.from(thrown).message}; it is put aside as ${aside}; ${blocked}`);
      return undefined;
    }
  }
}
