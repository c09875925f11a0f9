import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import type { TerminalSize } from '../runtime.ts';

/** A line for conmon's `ctl` pipe: what to do, and two numbers (conmon, ctrl.c). */
export type ConmonControl = `${number} ${number} ${number}\n`;

export const reopenLogs: ConmonControl = '2 0 0\n';

export function resizeTerminal({ width, height }: TerminalSize): ConmonControl {
  return `1 ${height} ${width}\n`;
}

/** Has the conmon of a container do something; it doesn't answer. */
export async function tellConmon(bundle: string, control: ConmonControl): Promise<void> {
  try {
    // Without a reader, an open that blocks would never return.
    const pipe = await open(join(bundle, 'ctl'), constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      await pipe.write(control);
    } finally {
      await pipe.close();
    }
  } catch (cause) {
    throw new PluginError('UNAVAILABLE', `conmon can't be reached: ${(cause as Error).message}`, { object: bundle, cause });
  }
}
