import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AcceleratorChoice, chooseAccelerator } from './accelerator.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-accelerator-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** With a program in QEMU's place that does `script`; counts its runs. */
async function choose(choice: AcceleratorChoice, script: string) {
  const qemu = join(directory, 'qemu');
  if (!existsSync(qemu)) writeFileSync(qemu, `#!/bin/sh\necho run >> ${directory}/runs\n${script}\n`, { mode: 0o755 });
  const parts = { qemu, virtiofsd: '', nsenter: '', setpriv: 'setpriv', kernel: qemu, initramfs: qemu, tools: '' };
  const log = pino({ level: 'silent' });
  return chooseAccelerator(choice, parts, { record: join(directory, 'kvm.json'), log, signal: new AbortController().signal });
}

const runs = () => (existsSync(join(directory, 'runs')) ? readFileSync(join(directory, 'runs'), 'utf8').split('\n').length - 1 : 0);

describe('chooseAccelerator', () => {
  it('never asks for KVM where TCG is chosen', async () => {
    expect(await choose('tcg', 'exit 0')).toBe('tcg');
    expect(runs()).toBe(0);
  });

  describe('on a host with /dev/kvm', () => {
    beforeEach(({ skip }) => {
      if (!existsSync('/dev/kvm')) skip('there is no /dev/kvm');
    });

    it('takes KVM where a guest ends as it should, and remembers that', async () => {
      expect(await choose('auto', 'exit 0')).toBe('kvm');
      expect(await choose('auto', 'exit 0')).toBe('kvm');
      expect(runs()).toBe(1);
    });

    it('takes TCG where QEMU fails under KVM', async () => {
      expect(await choose('auto', 'echo no MSR >&2; exit 1')).toBe('tcg');
    });

    it('takes TCG where a guest hangs, and remembers that, since it took its time', async () => {
      expect(await choose('auto', 'exec sleep 60')).toBe('tcg');
      expect(await choose('auto', 'exec sleep 60')).toBe('tcg');
      expect(runs()).toBe(1);
    });

    it('says why it refuses KVM that is asked for', async () => {
      await expect(choose('kvm', 'echo no MSR >&2; exit 1')).rejects.toThrow(/KVM: .*no MSR; choose --accelerator tcg/);
    });
  });
});
