import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { skipIfMissing } from '../fixtures/node-requirements.ts';
import { repository } from '../fixtures/tools.ts';
import { chrootMissing, DebianChroot } from './debian-chroot.ts';

const checkout = '/root/berth';
const limits = { seconds: 120, megabytes: 600 };

describe('a checkout on a minimal Debian 12 with Node 18', () => {
  let debian: DebianChroot;

  beforeEach(skipIfMissing(chrootMissing));

  beforeAll(async () => {
    if (chrootMissing()) return;
    debian = await DebianChroot.make();
    debian.remove(checkout, '/root/.npm', '/var/lib/berth');
    debian.copyIn(repository, checkoutFiles(), checkout);
  }, 660_000);

  afterAll(() => debian?.remove(checkout, '/root/.npm', '/root/.npmrc'));

  it('runs the first pod, set-up and all, within two minutes and 600 MB', async () => {
    const before = await debian.diskUsage();
    const cold = await debian.run(['npm', 'start', '--', '--once'], { directory: checkout, timeoutMs: 2 * limits.seconds * 1000 });
    const megabytes = ((await debian.diskUsage()) - before) / 1e6;
    console.log(`cold npm start: ${(cold.durationMs / 1000).toFixed(1)} s, ${Math.round(megabytes)} MB on disk`);
    expect(cold.status, cold.output).toBe(0);
    expect(cold.durationMs / 1000).toBeLessThanOrEqual(limits.seconds);
    expect(megabytes).toBeLessThanOrEqual(limits.megabytes);
  }, 300_000);

  it('has nothing more to set up then, and says so by silence in under 2 s', async () => {
    const again = await debian.run(['node', 'setup/main.mjs'], { directory: checkout });
    expect(again.status, again.output).toBe(0);
    expect(again.output).toBe('');
    expect(again.durationMs).toBeLessThan(2000);
  });

  it('is left without a trace by npm run clean', async () => {
    const clean = await debian.run(['npm', 'run', 'clean'], { directory: checkout });
    expect(clean.status, clean.output).toBe(0);
    expect(made(debian)).toEqual([]);
  });
});

/** What git would check out, with what is not committed yet. */
function checkoutFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: repository,
    encoding: 'utf8',
  });
  return listed.split('\0').filter((file) => file !== '' && existsSync(join(repository, file)));
}

function made(debian: DebianChroot): string[] {
  const places = ['.cache', 'node_modules', 'packages/sdk/src/gen', 'packages/api/src/gen', 'packages/cli/node_modules'];
  return places.filter((path) => existsSync(join(debian.root, checkout, path)));
}
