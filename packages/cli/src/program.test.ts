import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { program } from './program.ts';

async function commandNames(words: string[]): Promise<string[]> {
  return (await program(words)).commands.map((command) => command.name());
}

describe('program', () => {
  it.each([
    ['the command that is named', ['kubelet', '--config', 'ps'], ['kubelet']],
    ['that behind options with values', ['--root', 'ps', '--log-level=info', 'node', '-o', 'json'], ['node']],
  ])('has %s alone', async (_what, words, expected) => {
    expect(await commandNames(words)).toEqual(expected);
  });

  it.each([[[]], [['--help']], [['help', 'ps']], [['kubelt']], [['completion-server', '--', 'berth', 'ps']]])(
    'has every command for %j',
    async (words) => {
      const names = await commandNames(words);
      expect(names).toEqual(expect.arrayContaining(['run', 'kubelet', 'ps', 'mock-kubelet', 'conform', 'completion', 'completion-server']));
    },
  );
});
