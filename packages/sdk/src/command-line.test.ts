import { describe, expect, it } from 'vitest';
import { informationAskedFor, informationFlags, parseFlags, usageOf } from './command-line.ts';

const definition = {
  heading: 'Usage: quay [FLAG]...',
  flags: {
    quick: { kind: 'boolean', help: 'be quick', standard: 'true' },
    name: { kind: 'text', help: 'its name' },
    berths: { kind: 'number', help: 'how many' },
    ships: { kind: 'texts', help: 'which ones' },
    depths: { kind: 'numbers', help: 'how deep each is', standard: '3,4' },
    ...informationFlags,
  },
} as const;
const negatable = { ...definition, allowNegative: true };

it('reads each flag as what it is', () => {
  const argv = ['--quick', '--name=a, b', '--berths', '2.5', '--ships=a, b', '--depths', '7'];
  expect(parseFlags(argv, definition)).toEqual({ quick: true, name: 'a, b', berths: 2.5, ships: ['a', 'b'], depths: [7] });
  expect(parseFlags(['--no-quick'], negatable)).toEqual({ quick: false });
  expect(parseFlags([], definition)).toEqual({});
});

describe('what is wrong is named', () => {
  it.each([
    [['--berths=many'], /^flag --berths: must be a number$/],
    [['--depths=1,x'], /^flag --depths: must be numbers, "," between them$/],
    [['--crane'], /^command line: Unknown option '--crane'; --help lists the flags$/],
    [['crane'], /^command line: Unexpected argument 'crane'/],
    [['--no-quick'], /^command line: .*--help lists the flags$/],
  ])('%j', (argv, message) => expect(() => parseFlags(argv, definition)).toThrow(message));
});

it('tells what is asked for in place of work, whatever the other values are', () => {
  expect(informationAskedFor(['--help', '--version', '--berths=many'], definition)).toBe('help');
  expect(informationAskedFor(['--version', '--no-help'], negatable)).toBe('version');
  expect(informationAskedFor(['--quick'], definition)).toBeUndefined();
});

it('tells each flag in its help', () => {
  expect(usageOf(definition)).toBe(
    [
      'Usage: quay [FLAG]...\n',
      '  --quick\n      be quick (default true)',
      '  --name TEXT\n      its name',
      '  --berths NUMBER\n      how many',
      '  --ships TEXT,...\n      which ones',
      '  --depths NUMBER,...\n      how deep each is (default 3,4)',
      '  --help\n      print this',
      '  --version\n      print the version\n',
    ].join('\n'),
  );
});
