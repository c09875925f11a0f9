import { expect, it } from 'vitest';
import { processFiles } from './process-files.ts';

function view(name: string, text: string): string {
  return processFiles[name]?.(Buffer.from(text, 'latin1')).toString('latin1') ?? '';
}

it('status keeps what a process may know of itself, without outer numbers and the filter', () => {
  expect(view('status', 'Name:\tsh\nPid:\t7\nNSpid:\t4711\t7\nSeccomp:\t2\nSeccomp_filters:\t1\nCpus_allowed:\t3\nThreads:\t1\n')).toBe(
    'Name:\tsh\nPid:\t7\nCpus_allowed:\t3\nThreads:\t1\n',
  );
});

it('mounts name no place of the host, and nothing below /proc', () => {
  expect(
    view(
      'mounts',
      `overlay / overlay rw,relatime,lowerdir=/var/lib/berth/images/a,upperdir=/b 0 0
proc /proc proc rw,nosuid 0 0
tmpfs /proc/kcore tmpfs ro 0 0
/dev/sda1 /volume ext4 ro,nodev,relatime 0 0
`,
    ),
  ).toBe('none / overlay rw 0 0\nnone /proc proc rw,nosuid 0 0\nnone /volume ext4 ro,nodev 0 0\n');
});
