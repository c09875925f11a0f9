import type { PlainPlugin } from '../device-plugin/plain-plugin.mjs';

/** A device plugin that breaks one rule, and the case that has to notice. */
export interface DeviceMutant {
  breaks: string;
  caughtBy: string;
  /** Part of the reason that the case gives: it fails for what is broken, not for something else. */
  saying: string;
  /** The plugin that works, but for what it does otherwise. */
  Plugin: new () => PlainPlugin;
  /** Which of its resources is judged, where it has several. */
  resource?: string;
}
