import { describe, expect, it } from 'vitest';
import { behaviourOf } from './behaviour.ts';

const of = (annotations: Record<string, string>) => behaviourOf('web', annotations);

describe('behaviourOf', () => {
  it('runs until it is stopped where nothing is said', () => {
    expect(of({ 'example.com/exit-after': '1s' })).toEqual({
      exitAfter: undefined,
      exitCode: 0,
      terminationMessage: undefined,
      execOutput: [],
      execExitCode: 0,
      startAfter: 0,
      output: [],
      outputEvery: undefined,
      ignoresStop: false,
      pullDelay: 0,
      pullError: undefined,
    });
  });

  it('takes what is said for all containers, and for this one before that', () => {
    const annotations = {
      'fake.berth.dev/exit-after': '3s',
      'fake.berth.dev/web.exit-after': '250ms',
      'fake.berth.dev/other.exit-code': '9',
      'fake.berth.dev/exit-code': '3',
    };
    expect(of(annotations)).toMatchObject({ exitAfter: 250, exitCode: 3 });
  });

  it('reads durations, lines, never and true', () => {
    const annotations = {
      'fake.berth.dev/start-after': 'never',
      'fake.berth.dev/output': 'a\nb',
      'fake.berth.dev/output-every': '0.5m',
      'fake.berth.dev/ignore-stop': 'true',
    };
    expect(of(annotations)).toMatchObject({ startAfter: 'never', output: ['a', 'b'], outputEvery: 30_000, ignoresStop: true });
  });

  it.each([
    [0, 42],
    [1, 7],
    [2, 0],
    [9, 0],
  ])('gives start %i of a container with several exit codes its own: %i', (attempt, exitCode) => {
    expect(behaviourOf('web', { 'fake.berth.dev/exit-code': '42, 7,0' }, attempt)).toMatchObject({ exitCode });
  });

  it.each([
    ['fake.berth.dev/exit-afer', '1s', /annotation fake\.berth\.dev\/exit-afer: no such behaviour; use one of exit-after/],
    ['fake.berth.dev/exit-after', 'soon', /annotation fake\.berth\.dev\/exit-after: "soon" is no value for it; give a duration/],
    ['fake.berth.dev/exit-code', '256', /exit-code: "256" is no value for it; give a number from 0 to 255/],
  ])('refuses %s: %s', (name, value, message) => {
    expect(() => of({ [name]: value })).toThrow(message);
  });
});
