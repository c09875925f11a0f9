import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage } from '../../fixtures/berth.ts';
import { nodeMissing, skipIfMissing } from '../../fixtures/node-requirements.ts';
import { repository } from '../../fixtures/tools.ts';

const examples = ['init', 'counter'].map((name) => join(repository, `examples/${name}.yaml`));

const pod = (name: string, handler: string) => `apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  runtimeClassName: ${handler}
  restartPolicy: Never
  containers: [{ name: main, image: localhost/busybox:1, command: [uname, -sr] }]
`;

describe('a node with the runtime sentry', () => {
  let home: BerthHome;

  beforeEach((context) => {
    skipIfMissing(nodeMissing)(context);
    home = new BerthHome();
  });
  afterEach(() => home?.remove());

  it('runs the examples that serve nothing over the network', async () => {
    const ended = await home.berth(
      'run',
      '--once',
      '--runtime',
      'sentry',
      '--image',
      exampleImage,
      ...examples.flatMap((file) => ['-f', file]),
    );
    expect(ended.stderr).toBe('');
    expect(ended.status).toBe(0);
    expect(ended.stdout).toContain('main: found: application built on');
    expect(ended.stdout).toMatch(/cri sentry RunPodSandbox/);
  });

  it('runs a pod on the Sentry beside one on runc, by their runtimeClassName', async () => {
    const manifest = home.write('pods.yaml', `${pod('kernel', 'runc')}---\n${pod('user-space-kernel', 'sentry')}`);
    const ended = await home.berth('run', '--once', '--image', exampleImage, '-f', manifest);
    expect(ended.status).toBe(0);
    expect(ended.stdout).toMatch(/Linux 6\.1\.0-berth-sentry$/m);
    expect(ended.stdout.match(/Linux \d/g)).toHaveLength(2);
  });
});
