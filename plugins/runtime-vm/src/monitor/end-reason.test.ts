import { describe, expect, it } from 'vitest';
import { guestEnd } from './end-reason.ts';
import { Tail } from './tail.ts';

function reason(...lines: string[]): string {
  const console = new Tail();
  for (const line of lines) console.push(line);
  return guestEnd(console);
}

describe('guestEnd', () => {
  it('is the panic, wherever it stands', () => {
    expect(reason('[    9.1] Kernel panic - not syncing: no memory', '[    9.2] CPU: 0 PID: 1', '[    9.3] reboot: machine restart')).toBe(
      "the guest's kernel panicked: Kernel panic - not syncing: no memory",
    );
  });

  it("is else the last line that isn't of the end itself", () => {
    expect(reason('the agent ended with status 1', '[    2.1] reboot: Restarting system')).toBe(
      'the guest switched the machine off: the agent ended with status 1',
    );
  });

  it('has nothing to add where the console shows nothing', () => {
    expect(reason()).toBe('the guest switched the machine off');
  });
});
