import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage } from '../fixtures/berth.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { expectEnd, isAlive } from '../fixtures/machine-faults.ts';
import { machinesMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { repository } from '../fixtures/tools.ts';
import { VmShim } from '../fixtures/vm-shim.ts';

const forever = 'sleep 1000';

describe('a pod in a machine, at its limits', { timeout: 60_000 }, () => {
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

  it('ends what takes all of its memory, and lives on', async () => {
    await shim.withPod({}, async (pod) => {
      const staying = await pod.run('staying', forever);
      expect(await pod.exec(staying, 'tail', '/dev/zero')).toMatch(/^137: /);
      expect(await pod.exec(staying, 'cat', '/proc/self/oom_score_adj', '/proc/1/oom_score_adj')).toBe('1\n1\n');
      const greedy = await pod.run('greedy', 'exec tail /dev/zero');
      expect(await pod.ended(greedy)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
      expect(await pod.exec(staying, 'echo', 'here')).toBe('here\n');
    });
  });

  it('loses nothing of a log that is written faster than it is taken', async () => {
    await shim.withPod({}, async (pod) => {
      const id = await pod.run('loud', 'seq 200000');
      expect((await pod.ended(id)).exitCode).toBe(0);
      expect(pod.log('loud')).toEqual(Array.from({ length: 200_000 }, (_, index) => String(index + 1)));
    });
  });

  it('goes on where containers and commands are given up', async () => {
    await shim.withPod({}, async (pod) => {
      for (const deadlineMs of [20, 100, 300]) await pod.run(`late-${deadlineMs}`, forever, {}, { deadlineMs }).catch(() => undefined);
      const id = await pod.run('main', forever);
      const loud = shim.client.execSync({ containerId: id, cmd: ['yes'], timeout: 1n });
      await expect(loud).rejects.toThrow(/didn't end within 1 s/);
      expect(await pod.exec(id, 'ps')).not.toContain('yes');
      const leaving = await pod.run('leaving', 'yes');
      await shim.client.removeContainer({ containerId: leaving });
      expect(await pod.exec(id, 'echo', 'here')).toBe('here\n');
    });
  });

  it('leaves no monitor behind, also where that cannot write down why it ended', async () => {
    await shim.withPod({}, async (pod) => {
      const id = await pod.run('main', forever);
      const monitor = pod.pid('monitor');
      mkdirSync(pod.machineFile('ended'));
      process.kill(pod.pid('qemu'), 'SIGKILL');
      expect(await pod.ended(id)).toMatchObject({ message: 'QEMU was killed by SIGKILL' });
      await expect.poll(() => isAlive(monitor)).toBe(false);
    });
  });

  it.each([
    ['virtiofsd is killed', 'virtiofsd was killed by SIGKILL', 'virtiofsd'],
    ['its monitor is killed', 'its monitor has died, and the machine with it', 'monitor'],
  ] as const)('ends, and says why, when %s', async (_what, message, program) => {
    await shim.withPod({}, (pod) => expectEnd(shim, pod, { program, signal: 'SIGKILL' }, message));
  });
});

describe('runtime-vm', () => {
  beforeEach(skipIfMissing(machinesMissing));

  it('runs an example that names it as its runtime class, whose page the host can fetch', async () => {
    const before = readHostState();
    const home = new BerthHome();
    const example = readFileSync(join(repository, 'examples/sidecar.yaml'), 'utf8');
    const node = home.start([
      'run',
      '--image',
      exampleImage,
      '-f',
      home.write('vm.yaml', example.replace('spec:', 'spec:\n  runtimeClassName: vm')),
    ]);
    try {
      await node.says(/the node goes on/);
      const [pod] = JSON.parse((await home.berth('ps', '-o', 'json')).stdout) as { status: { podIP: string } }[];
      expect(await (await fetch(`http://${pod?.status.podIP}/`)).text()).toContain('<h1>Berth</h1>');
      expect((await home.berth('exec', 'sidecar', '-c', 'web', '--', 'uname', '-r')).stdout).toMatch(/-cloud-amd64$/m);
    } finally {
      expect((await node.interrupt()).status).toBe(0);
    }
    home.remove();
    await expectHostState(before);
  });
});
