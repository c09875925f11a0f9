import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome } from '../fixtures/berth.ts';

describe.skipIf(process.platform !== 'linux')('berth runtime (its process is found in /proc, which only Linux has)', () => {
  let home: BerthHome;
  beforeEach(() => {
    home = new BerthHome();
  });
  afterEach(() => home.remove());

  it('says which signal ended its runtime, and exits as a shell would', async () => {
    const command = home.start(['runtime', 'fake']);
    await command.says(/"serving"/);
    const { pid } = command.child;
    const [runtime = ''] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    process.kill(Number(runtime), 'SIGKILL');
    const { stderr } = await command.ended;
    expect(command.child.exitCode).toBe(128 + constants.signals.SIGKILL);
    expect(stderr).toMatch(/^berth: runtime fake was ended by SIGKILL$/m);
  });

  it('ends in silence with a runtime that ends when it is told to', async () => {
    const command = home.start(['runtime', 'fake']);
    await command.says(/"serving"/);
    command.child.kill('SIGTERM');
    const { status, stderr } = await command.ended;
    expect(status).toBe(0);
    expect(stderr).not.toContain('was ended by');
  });
});
