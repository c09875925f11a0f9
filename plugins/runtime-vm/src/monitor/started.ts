import type { Code } from '@berth/sdk/errors';

/** What a monitor tells the process that has started it, once, over Node's channel between the two. */
export type Started = { ready: true } | { ready: false; code: Code; message: string };

/** Says it and lets go of the channel; whoever started this process may be gone. */
export function tellStarter(started: Started): void {
  if (!process.connected) return;
  process.send?.(started, undefined, undefined, () => process.disconnect());
}
