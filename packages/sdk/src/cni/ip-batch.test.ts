import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forceBatch, ipBatch, tryIpBatch } from './ip-batch.ts';

describe.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
  'ipBatch (needs Linux and root: it makes network namespaces)',
  () => {
    let directory: string;
    let netns: string;

    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), "berth it's a "));
      netns = join(directory, 'name space');
      writeFileSync(netns, '');
      execFileSync('unshare', [`--net=${netns}`, 'true']);
    });

    afterEach(() => {
      execFileSync('umount', [netns]);
      rmSync(directory, { recursive: true });
    });

    it('takes a namespace whose path holds blanks and quotes, also as a word of a command', async () => {
      const add = ['link', 'add', 'name', 'b0', 'type', 'veth', 'peer', 'name', 'b1', 'netns', netns];
      const [links] = await ipBatch('test', [add, ['link', 'show']], netns);
      expect(links?.map((link) => link.ifname).toSorted()).toEqual(['b0', 'b1', 'lo']);
    });

    it('names the command that failed', async () => {
      expect(
        await tryIpBatch(
          [
            ['link', 'show', 'dev', 'lo'],
            ['link', 'show', 'dev', 'no such'],
          ],
          netns,
        ),
      ).toMatchObject({
        command: 'ip link show dev "no such"',
      });
    });
  },
);

describe.skipIf(process.platform !== 'linux')('forceBatch', () => {
  it('runs the commands after one that failed, and names each that did', async () => {
    const show = (name: string) => ['link', 'show', 'dev', name];
    const { shown, failures } = await forceBatch('ip', [show('no such'), show('lo'), show('nor such')]);
    expect(shown).toMatchObject([[{ ifname: 'lo' }]]);
    expect(failures.map(({ command }) => command)).toEqual(['ip link show dev "no such"', 'ip link show dev "nor such"']);
    expect(failures.map(({ reason }) => reason)).toEqual([expect.stringContaining('no such'), expect.stringContaining('nor such')]);
  });
});

describe('ipBatch', () => {
  it.each(['a#b', 'a\nb', `a'b"c`])('refuses the word %j, before anything is run', async (word) => {
    await expect(ipBatch('test', [['link', 'show', 'dev', word]])).rejects.toThrow(/iproute2 reads no word/);
  });
});
