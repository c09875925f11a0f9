import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage } from '../fixtures/berth.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { machinesMissing, skipIfMissing } from '../fixtures/node-requirements.ts';

const pod = (handler: string): string => `---
apiVersion: v1
kind: Pod
metadata: {name: on-${handler}}
spec:
  runtimeClassName: ${handler}
  restartPolicy: Never
  containers: [{name: main, image: "localhost/busybox:1", command: [sh, -c, 'echo "${handler} runs on $(uname -r)"']}]
`;

let home: BerthHome;
let before: HostState;

describe('one node with three runtimes', () => {
  beforeEach((context) => {
    skipIfMissing(machinesMissing)(context);
    before = readHostState();
    home = new BerthHome();
  });

  afterEach(() => home?.remove());

  it('runs each pod on the runtime that its class names, and leaves the host as it was', async () => {
    const manifest = home.write('pods.yaml', ['runc', 'vm', 'sentry'].map(pod).join(''));
    const ended = await home.berth('run', '--once', '--image', exampleImage, '-f', manifest);
    expect(ended.stderr).toBe('');
    expect(ended.status).toBe(0);
    const kernels = Object.fromEntries(
      [...ended.stdout.matchAll(/(\w+) runs on (\S+)$/gm)].map(([, handler, kernel]) => [handler, kernel]),
    );
    expect(kernels.vm).toMatch(/-cloud-amd64$/);
    expect(kernels.sentry).toMatch(/berth-sentry/);
    expect(new Set(Object.values(kernels)).size).toBe(3);
    for (const handler of ['runc', 'vm', 'sentry']) expect(ended.stdout).toMatch(new RegExp(`cri ${handler} RunPodSandbox`));
    await expectHostState(before);
  });
});
