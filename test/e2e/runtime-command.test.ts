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

  it('does not say that it serves where another process does', async () => {
    const first = home.start(['runtime', 'fake']);
    await first.says(/"serving"/);
    const second = home.start(['runtime', 'fake']);
    const { status, stderr } = await second.ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(/^berth: starting the CRI server of fake, to listen on unix:\/\/\S+\n.*another process serves this handler/);
    expect(stderr).not.toContain('serving');
    first.child.kill('SIGTERM');
    await first.ended;
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
