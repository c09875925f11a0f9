import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NamespaceMode } from '@berth/sdk/cri';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome } from '../fixtures/berth.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { expectEnd } from '../fixtures/machine-faults.ts';
import { machinesMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { repository } from '../fixtures/tools.ts';
import { VmShim } from '../fixtures/vm-shim.ts';

describe('a pod in a machine', { timeout: 60_000 }, () => {
  let before: HostState;
  let shim: VmShim;

  beforeEach(skipIfMissing(machinesMissing));

  beforeAll(async () => {
    if (machinesMissing() !== undefined) return;
    before = readHostState();
    shim = new VmShim('--watchdog', '4');
    await shim.start();
  });

  afterAll(async () => {
    if (machinesMissing() !== undefined) return;
    await shim.stop();
    await expectHostState(before);
  });

  it('has a kernel, a host name, a memory, sysctls and a clock of its own', async () => {
    const linux = { sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' }, resources: { memoryLimitInBytes: 300n << 20n } };
    await shim.withPod({ hostname: 'ship', linux }, async (pod) => {
      const id = await pod.run(
        'main',
        'uname -r; hostname; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; grep MemTotal /proc/meminfo; date +%s',
      );
      await pod.ended(id);
      const [release, hostname, port, memory = '', seconds] = pod.log('main');
      expect(release).toMatch(/-cloud-amd64$/);
      expect([hostname, port]).toEqual(['ship', '80']);
      // What its containers may have, and what the guest reserves for itself.
      expect(Number(/\d+/.exec(memory)?.[0])).toBeGreaterThan((300 + 96) * 1024);
      expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(5);
    });
  });

  it('shares volumes between containers, and files with the host', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'berth-volume-'));
    writeFileSync(join(directory, 'file'), 'one file\n');
    try {
      await shim.withPod({}, async (pod) => {
        const volume = { hostPath: directory, containerPath: '/v' };
        const writer = await pod.run('writer', 'echo new > /v/new; mv /v/new /v/moved; sleep 1000', { mounts: [volume] });
        const reader = await pod.run('reader', 'until cat /r/moved; do :; done; cat /one; echo no > /r/refused; ls /r', {
          mounts: [
            { ...volume, containerPath: '/r', readonly: true },
            { hostPath: join(directory, 'file'), containerPath: '/one', readonly: true },
          ],
        });
        await pod.ended(reader);
        expect(pod.log('reader').filter((line) => !line.startsWith('cat:'))).toEqual([
          'new',
          'one file',
          expect.stringMatching(/refused: Read-only file system/),
          'file',
          'moved',
        ]);
        expect(readFileSync(join(directory, 'moved'), 'utf8')).toBe('new\n');
        expect(await pod.exec(writer, 'cat', '/v/moved')).toBe('new\n');
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('shares processes where it is to, and tells of its containers that ran out of memory', async () => {
    const sharedPids = { namespaceOptions: { pid: NamespaceMode.POD } };
    await shim.withPod({ linux: { securityContext: sharedPids } }, async (pod) => {
      const sleeper = await pod.run('sleeper', 'exec sleep 4242', { linux: { securityContext: sharedPids } });
      const greedy = await pod.run('greedy', 'ps; exec dd if=/dev/zero of=/dev/null bs=64M', {
        linux: { securityContext: sharedPids, resources: { memoryLimitInBytes: 16n << 20n } },
      });
      const { exitCode, reason } = await pod.ended(greedy);
      expect([exitCode, reason]).toEqual([137, 'OOMKilled']);
      expect(pod.log('greedy')).toContainEqual(expect.stringContaining('sleep 4242'));
      const leaving = await pod.run('leaving', 'sleep 4343 & exit 5', { linux: { securityContext: sharedPids } });
      expect((await pod.ended(leaving)).exitCode).toBe(5);
      expect(await pod.exec(sleeper, 'ps')).not.toContain('sleep 4343');
    });
  });

  it('lives on when the server is killed: containers, logs, and exit codes of the time without it', async () => {
    await shim.withPod({}, async (pod) => {
      const ending = await pod.run('ending', 'until [ -e /dev/shm/end ]; do sleep 0.1; done; echo end; exit 7');
      const staying = await pod.run('staying', 'echo first; sleep 1; touch /dev/shm/end; sleep 1; echo second; sleep 1000');
      await shim.kill();
      await pod.logged('staying', 'second');
      await shim.start();
      expect((await pod.ended(ending)).exitCode).toBe(7);
      expect(pod.log('ending')).toEqual(['end']);
      expect((await pod.status(staying)).finishedAt).toBe(0n);
      expect(await pod.exec(staying, 'echo', 'third')).toBe('third\n');
    });
  });

  it.each([
    ['QEMU is killed', 'QEMU was killed by SIGKILL', 'qemu', 'SIGKILL'],
    ['QEMU hangs', 'the guest has not answered for 4 s', 'qemu', 'SIGSTOP'],
  ] as const)('ends, and says why, when %s', async (_what, message, program, signal) => {
    await shim.withPod({}, (pod) => expectEnd(shim, pod, { program, signal }, message));
  });

  it("ends, and gives the kernel's last words, when its guest panics", async () => {
    await shim.withPod({}, async (pod) => {
      const securityContext = { capabilities: { addCapabilities: ['SYS_ADMIN'] } };
      const id = await pod.run('main', 'mkdir /p; mount -t proc proc /p; echo c > /p/sysrq-trigger', { linux: { securityContext } });
      const { message } = await pod.ended(id);
      expect(message).toBe("the guest's kernel panicked: Kernel panic - not syncing: sysrq triggered crash");
    });
  });

  it.each([
    ['privileged', { privileged: true }],
    ['namespace_options.network', { namespaceOptions: { network: NamespaceMode.NODE } }],
    ['namespace_options.pid', { namespaceOptions: { pid: NamespaceMode.NODE } }],
    ['namespace_options.ipc', { namespaceOptions: { ipc: NamespaceMode.NODE } }],
  ])('is refused by the name of what it asks: %s', async (field, securityContext) => {
    const call = shim.withPod({ linux: { securityContext } }, async () => undefined);
    await expect(call).rejects.toThrow(`linux.security_context.${field}: `);
  });
});

describe('runtime-vm', () => {
  beforeEach(skipIfMissing(machinesMissing));

  it('says at its start what is missing, and how to get it', async () => {
    const home = new BerthHome();
    try {
      const ended = await home.berth('runtime', 'vm', '--', '--guest', '/nowhere');
      expect(ended.status).toBe(1);
      expect(ended.stderr).toMatch(/\/nowhere\/vmlinuz: the guest's kernel .* is not there; run "npm run setup -- --runtime vm"/);
    } finally {
      home.remove();
    }
  });

  it.each([
    ['agent fails', 'tools/agent', '#!/bin/sh\nexit 3\n', /the guest switched the machine off: .*ended with status 3/],
    ['initial root file system is broken', 'initramfs.cpio', 'broken', /the guest's kernel panicked: .*Unable to mount root fs/],
  ])('makes no pod in a machine whose %s, and says of which, why, and what to do', async (_what, name, content, reason) => {
    const before = readHostState();
    const directory = mkdtempSync(join(tmpdir(), 'berth-guest-'));
    mkdirSync(join(directory, 'tools'));
    for (const part of ['vmlinuz', 'initramfs.cpio', 'tools/agent'].filter((each) => each !== name)) {
      symlinkSync(join(repository, '.cache/guest', part), join(directory, part));
    }
    writeFileSync(join(directory, name), content, { mode: 0o755 });
    const shim = new VmShim('--guest', directory);
    try {
      await shim.start();
      const message = await shim.withPod({}, async () => undefined).then(String, (error: Error) => error.message);
      expect(message).toMatch(/sandbox \w{12}: its machine has ended: /);
      expect(message).toMatch(reason);
      expect(message).toContain(
        `; it booted ${directory}/vmlinuz with ${directory}/initramfs.cpio: make them anew with "npm run setup -- --runtime vm"`,
      );
    } finally {
      await shim.stop();
      rmSync(directory, { recursive: true });
    }
    await expectHostState(before);
  });
});
