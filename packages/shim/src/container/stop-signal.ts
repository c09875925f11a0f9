import { constants } from 'node:os';
import { Signal } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';

/**
 * The request's signal, else the image's, else SIGTERM: by name (`SIGQUIT`), a real-time one by number, since runc knows
 * no names for those.
 */
export function stopSignal(asked: Signal, imageSignal: string, object: string): string {
  if (asked !== Signal.RUNTIME_DEFAULT) {
    const name = Object.entries(Signal).find(([, number]) => number === asked)?.[0];
    const known = name === undefined ? undefined : knownSignal(name.replace('PLUS', '+').replace('MINUS', '-'));
    if (known !== undefined) return known;
    throw new PluginError('INVALID_ARGUMENT', `stop_signal ${name ?? asked} is no signal of Linux`, { object });
  }
  if (imageSignal === '') return 'SIGTERM';
  const known = knownSignal(imageSignal);
  if (known !== undefined) return known;
  throw new PluginError('INVALID_ARGUMENT', `the image's stop signal ${JSON.stringify(imageSignal)} is no signal`, {
    object,
    hint: 'set the stop signal of the container',
  });
}

/** As CRI tells the signal that `stopSignal` chose. */
export function criSignal(chosen: string): Signal {
  const number = Number(chosen);
  const name = isRealTime(number) ? realTimeName(number) : chosen;
  return Object.entries(Signal).find(([known]) => known === name)?.[1] ?? Signal.RUNTIME_DEFAULT;
}

/** CRI counts the first half from the first, and the second from the last. */
function realTimeName(number: number): string {
  const [up, down] = [number - realTime.MIN, realTime.MAX - number];
  if (up <= 15) return up === 0 ? 'SIGRTMIN' : `SIGRTMINPLUS${up}`;
  return down === 0 ? 'SIGRTMAX' : `SIGRTMAXMINUS${down}`;
}

/** As programs see them: the C library keeps the first two real-time signals for itself. */
const realTime = { MIN: 34, MAX: 64 } as const;

/** System V's name, which Node has no constant for. */
const numbers: Record<string, number> = { ...constants.signals, SIGCLD: constants.signals.SIGCHLD };

/** `QUIT`, `SIGQUIT` and `3` -> `SIGQUIT`; `SIGRTMIN+3` and `37` -> `37`. Of several names a signal has (signal(7)) the one that OCI runtimes know. */
function knownSignal(text: string): string | undefined {
  if (/^\d{1,2}$/.test(text)) return byNumber(Number(text));
  const name = text.startsWith('SIG') ? text : `SIG${text}`;
  if (Object.hasOwn(numbers, name)) return byNumber(numbers[name]);
  const match = /^SIGRT(MIN|MAX)([+-]\d{1,2})?$/.exec(name);
  if (!match) return undefined;
  const number = realTime[match[1] as 'MIN' | 'MAX'] + Number(match[2] ?? 0);
  return isRealTime(number) ? String(number) : undefined;
}

function byNumber(number: number | undefined): string | undefined {
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return name ?? (number !== undefined && isRealTime(number) ? String(number) : undefined);
}

function isRealTime(number: number): boolean {
  return number >= realTime.MIN && number <= realTime.MAX;
}
