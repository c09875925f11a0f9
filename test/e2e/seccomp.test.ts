import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage } from '../fixtures/berth.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';

const profile = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
};

const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: confined}
spec:
  restartPolicy: Never
  securityContext: {seccompProfile: {type: Localhost, localhostProfile: mine/no-directories.json}}
  containers: [{name: main, image: "localhost/busybox:1", command: [sh, -c, 'mkdir /made || echo refused']}]
`;

describe('a localhost profile of seccomp', () => {
  let home: BerthHome;

  beforeEach((context) => {
    skipIfMissing(nodeMissing)(context);
    home = new BerthHome();
  });

  afterEach(() => home?.remove());

  it("is read from the kubelet's directory, and confines the container", async () => {
    const directory = join(home.root, 'kubelet/seccomp/mine');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'no-directories.json'), JSON.stringify(profile));
    const ended = await home.berth('run', '--once', '--image', exampleImage, '-f', home.write('pod.yaml', manifest));
    expect(ended).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/refused$/m) });
  });
});
