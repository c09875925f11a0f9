import type { Readable } from 'node:stream';
import type { TerminalSize } from '../runtime.ts';

/** A size is some 30 bytes; more than this without one is not a stream of sizes. */
const longestSize = 1024;

/** Sizes of a client's terminal, as JSON objects one after the other: `{"Width":80,"Height":24}`. What is none is passed over. */
export async function* terminalSizes(stream: Readable): AsyncIterable<TerminalSize> {
  let text = '';
  try {
    for await (const chunk of stream) {
      text += String(chunk);
      for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}')) {
        const size = terminalSize(text.slice(0, end + 1));
        text = text.slice(end + 1);
        if (size) yield size;
      }
      text = text.slice(-longestSize);
    }
  } catch {
    // The client has gone; there are no more sizes.
  }
}

function terminalSize(text: string): TerminalSize | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    return isSize(width) && isSize(height) ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}

/** As `struct winsize` holds it. */
function isSize(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) <= 0xffff;
}
