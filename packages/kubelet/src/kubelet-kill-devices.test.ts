import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerState } from '@berth/sdk/cri';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KillableKubelet } from '../testing/killable-kubelet.ts';
import { TestDevicePlugin } from '../testing/test-device-plugin.ts';

const gpu = 'vendor.example/gpu';

let kubelet: KillableKubelet;
let plugin: TestDevicePlugin;
let violations: string[];

beforeEach(async () => {
  kubelet = await KillableKubelet.create();
  violations = [];
  kubelet.runtime.faults.set('StartContainer', noteOwners);
  plugin = new TestDevicePlugin(join(kubelet.directory, 'kubelet/device-plugins'), gpu);
  plugin.devices = ['a', 'b', 'c'];
});

afterEach(async () => {
  await plugin.stop();
  await kubelet.close();
});

/** Which device each running or starting container was given, by its pod. */
function owners(): [device: string, pod: string][] {
  const alive = [...kubelet.runtime.containers.values()].filter(({ state }) => state !== ContainerState.CONTAINER_EXITED);
  return alive.flatMap(({ config }) => {
    const variable = config.envs.find(({ key }) => key === 'DEVICES');
    const pod = config.labels['io.kubernetes.pod.name'] ?? '';
    return variable ? [[Buffer.from(variable.value).toString(), pod] as [string, string]] : [];
  });
}

function noteOwners(): void {
  const seen = new Map<string, string>();
  for (const [device, pod] of owners()) {
    const other = seen.get(device);
    if (other !== undefined && other !== pod) violations.push(`${device} is ${other}'s and ${pod}'s`);
    seen.set(device, pod);
  }
}

it('a kubelet that is killed at any moment hands no device out twice, and loses none', { timeout: 60_000 }, async () => {
  const seed = Date.now() % 2 ** 31;
  plugin.delayMs = 40;
  plugin.start();
  await kubelet.start();
  // So that the kubelets after this one know the resource.
  await expect.poll(async () => kubelet.capacity(gpu)).toBe('3');
  const spec = `  containers: [{name: main, image: a, resources: {limits: {${gpu}: 1}}}]\n`;
  for (const name of ['one', 'two', 'three']) kubelet.write(name, spec);
  for (const ms of fc.sample(fc.integer({ min: 1, max: 250 }), { seed, numRuns: 6 })) {
    await sleep(ms);
    kubelet.kill();
    await kubelet.died();
    await kubelet.start();
  }
  const phases = async () => Object.fromEntries((await kubelet.pods()).map(({ metadata, status }) => [metadata?.name, status?.phase]));
  await expect.poll(phases, { timeout: 20_000, message: `seed ${seed}` }).toEqual({ one: 'Running', two: 'Running', three: 'Running' });
  noteOwners();
  expect(violations, `seed ${seed}`).toEqual([]);
  expect(
    owners()
      .map(([device]) => device)
      .toSorted(),
    `seed ${seed}`,
  ).toEqual(['a', 'b', 'c']);
});
