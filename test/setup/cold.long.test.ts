import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { skipIfMissing } from '../fixtures/node-requirements.ts';
import { repository } from '../fixtures/tools.ts';
import { chrootMissing, DebianChroot, user } from './debian-chroot.ts';

const directory = join(user.home, 'checkout');
/** What git would check out, with what is not committed yet. */
const files = checkoutFiles();
const limits = { seconds: 120, megabytes: 600 };

describe('the checkout of an ordinary user on a minimal Debian 12 with Node 18', () => {
  let debian: DebianChroot;

  beforeEach(skipIfMissing(chrootMissing));

  beforeAll(async () => {
    if (chrootMissing()) return;
    debian = await DebianChroot.make();
    debian.copyIn(repository, files, directory);
    await debian.give(directory);
  }, 660_000);

  afterAll(() => debian?.remove(user.home));

  it('runs the first pod, set-up and all, within two minutes and 600 MB', async () => {
    const before = await debian.diskUsage();
    const cold = await debian.runAsUser(['npm', 'start', '--', '--once'], { directory, timeoutMs: 2 * limits.seconds * 1000 });
    const megabytes = ((await debian.diskUsage()) - before) / 1e6;
    console.log(`cold npm start: ${(cold.durationMs / 1000).toFixed(1)} s, ${Math.round(megabytes)} MB on disk`);
    expect(cold.status, cold.output).toBe(0);
    expect(cold.durationMs / 1000).toBeLessThanOrEqual(limits.seconds);
    expect(megabytes).toBeLessThanOrEqual(limits.megabytes);
  }, 300_000);

  it('says that it uses sudo, and has no file of root in it afterwards', async () => {
    const again = await debian.runAsUser(['npm', 'start', '--', '--once'], { directory, timeoutMs: limits.seconds * 1000 });
    expect(again.status, again.output).toBe(0);
    expect(again.output).toContain('sudo');
    expect((await debian.run(['find', directory, '-user', 'root'])).output).toBe('');
  }, 180_000);

  it('has nothing more to set up then, and says so by silence in under 2 s', async () => {
    const again = await debian.runAsUser(['node', 'setup/main.mjs'], { directory });
    expect(again.status, again.output).toBe(0);
    expect(again.output).toBe('');
    expect(again.durationMs).toBeLessThan(2000);
  });

  it('runs the first pod without root on the fake runtime, and leaves no directory of its own behind', async () => {
    const fake = await debian.runAsUser(['npm', 'start', '--', '--once', '--runtime', 'fake'], { directory });
    expect(fake.status, fake.output).toBe(0);
    expect(fake.output).not.toContain('sudo');
    expect((await debian.run(['find', '/tmp', '-name', 'berth-*'])).output).toBe('');
  });

  it('is as git made it after npm run clean', async () => {
    const clean = await debian.runAsUser(['npm', 'run', 'clean'], { directory });
    expect(clean.status, clean.output).toBe(0);
    const left = (await debian.run(['find', '.', '-type', 'f', '-printf', '%P\\n'], { directory })).output.trim().split('\n');
    expect(left.sort()).toEqual(files.sort());
  });
});

function checkoutFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: repository,
    encoding: 'utf8',
  });
  return listed.split('\0').filter((file) => file !== '' && existsSync(join(repository, file)));
}
