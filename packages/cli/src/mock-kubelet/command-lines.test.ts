import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CommandLines } from './command-lines.ts';

/** Lines of an input and an output that are a terminal, or aren't. */
function opened(isTTY: boolean) {
  const [input, output] = [Object.assign(new PassThrough(), { isTTY }), Object.assign(new PassThrough(), { isTTY })];
  const ending = new AbortController();
  const lines = new CommandLines({ input, output, signal: ending.signal });
  const shown = () => stripVTControlCharacters(String(output.read() ?? ''));
  return { input, lines, ending, shown };
}

async function all(lines: CommandLines): Promise<string[]> {
  const came: string[] = [];
  for await (const line of lines.lines()) came.push(line);
  return came;
}

describe('lines of a program', () => {
  it('are all taken, those too that came before anybody asked', async () => {
    const { input, lines, shown } = opened(false);
    input.end('one\ntwo\nthree');
    await new Promise((resolve) => input.once('end', resolve));
    lines.print('an event');
    expect(await all(lines)).toEqual(['one', 'two', 'three']);
    expect(shown()).toBe('an event\n');
  });

  it('end with the signal', async () => {
    const { lines, ending } = opened(false);
    const taking = all(lines);
    ending.abort();
    expect(await taking).toEqual([]);
  });
});

describe('lines of a person', () => {
  it('are typed at a prompt, which stays below what is printed', async () => {
    const { input, lines, shown } = opened(true);
    const taking = all(lines);
    await expect.poll(shown).toBe('> ');
    input.write('resou');
    await expect.poll(shown).toBe('resou');
    lines.print('an event');
    expect(shown()).toBe('an event\n> resou');
    input.write('rces\r');
    input.end();
    expect(await taking).toEqual(['resources']);
    lines.print('stopped');
    expect(shown()).toMatch(/stopped\n$/);
  });
});
