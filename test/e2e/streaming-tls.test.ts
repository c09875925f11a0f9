import { afterEach, beforeEach, expect, it } from 'vitest';
import { BerthHome } from '../fixtures/berth.ts';
import { makeCertificate, skipWithoutOpenssl } from '../fixtures/certificate.ts';

const pod = `
apiVersion: v1
kind: Pod
metadata:
  name: echo
  annotations: {fake.berth.dev/exec-output: "ready", fake.berth.dev/exec-exit-code: "7"}
spec: {containers: [{name: main, image: "any:1", stdin: true}]}
`;

let home: BerthHome;

beforeEach((context) => {
  skipWithoutOpenssl(context);
  home = new BerthHome();
});

afterEach(() => home?.remove());

it.each([
  ['serves sessions to a node that knows its authority', true, { status: 7, stdout: 'ready\nhello', stderr: '' }],
  [
    'is not trusted by one that does not',
    false,
    { status: 1, stdout: '', stderr: expect.stringContaining("the runtime's streaming server can't be reached: self-signed certificate") },
  ],
])('a runtime with --streaming-tls-cert-file %s', async (_what, knowsIt, ended) => {
  const { certFile, keyFile } = makeCertificate(home.directory);
  const command = ['@berth/runtime-fake', '--streaming-tls-cert-file', certFile, '--streaming-tls-private-key-file', keyFile];
  home.configure({ runtimes: [{ handler: 'fake', command, ...(knowsIt && { streamingCAFile: certFile }) }] });
  const node = home.start(['run', '-f', home.write('echo.yaml', pod)]);
  await node.says(/the node goes on/);
  expect(await home.start(['exec', '-i', 'echo', '--', 'anything'], { input: 'hello' }).ended).toEqual(ended);
  expect((await node.interrupt()).status).toBe(0);
});
