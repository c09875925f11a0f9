import type { DevicePluginOptions } from '../gen/device-plugin.ts';
import type { CsiDriver } from './csi-driver.ts';
import type { DeviceStatus } from './device-status.ts';

/** What a mock kubelet sees, as it happens. */
export type MockKubeletEvent = { at: Date } & MockKubeletNews;

/** An event without its time. `message` is for people: object, cause and cure. */
export type MockKubeletNews =
  | { event: 'started'; registrationSocket: string; registryDirectory: string }
  | { event: 'stopped' }
  /** A device plugin is known; its devices come next. */
  | { event: 'registered'; resource: string; socket: string; options: DevicePluginOptions }
  /** It told its devices, and something has changed: `came`, `went`, `recovered` and `failed` are ids. */
  | ({ event: 'devices'; resource: string; devices: readonly DeviceStatus[] } & DeviceChanges)
  /** Its stream has ended: all its devices are unhealthy. */
  | { event: 'plugin-gone'; resource: string; socket: string; message: string }
  | { event: 'driver-registered'; driver: CsiDriver }
  | { event: 'driver-gone'; driver: string }
  /** A plugin could not be registered: what it did, and what it should do. */
  | { event: 'refused'; plugin: string; message: string }
  /** A plugin did what a kubelet may put up with, and other peers may not. */
  | { event: 'problem'; message: string };

/** How one list of devices differs from the one before. */
export interface DeviceChanges {
  came: readonly string[];
  went: readonly string[];
  recovered: readonly string[];
  failed: readonly string[];
}

export type Tell = (news: MockKubeletNews) => void;
