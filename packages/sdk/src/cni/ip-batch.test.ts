import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ipBatch, tryIpBatch } from './ip-batch.ts';

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

    it('takes a namespace whose path holds blanks and quotes, also as a word of a command', () => {
      const add = ['link', 'add', 'name', 'b0', 'type', 'veth', 'peer', 'name', 'b1', 'netns', netns];
      const [links] = ipBatch('test', [add, ['link', 'show']], netns);
      expect(links?.map((link) => link.ifname).toSorted()).toEqual(['b0', 'b1', 'lo']);
    });

    it('names the command that failed', () => {
      expect(
        tryIpBatch(
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

describe('ipBatch', () => {
  it.each(['a#b', 'a\nb', `a'b"c`])('refuses the word %j, before anything is run', (word) => {
    expect(() => ipBatch('test', [['link', 'show', 'dev', word]])).toThrow(/iproute2 reads no word/);
  });
});
