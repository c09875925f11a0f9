import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiServerRelay } from '../fixtures/api-server-relay.ts';
import { BerthHome, exampleImage, type Running } from '../fixtures/berth.ts';
import { nodeMissing } from '../fixtures/node-requirements.ts';
import { busyboxPod, manifestOf, script, serves } from '../fixtures/pod-manifests.ts';

/** Every kubectl on PATH, `kubectl.1.27` too: older ones speak SPDY, newer ones WebSocket. */
const names = ['kubectl', ...Array.from({ length: 20 }, (_, index) => `kubectl.1.${20 + index}`)];
const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/lib/google-cloud-sdk/bin'];
const found = names.flatMap((name) => directories.map((directory) => join(directory, name)).find((path) => existsSync(path)) ?? []);
const none = found.length === 0 ? 'no kubectl is on PATH' : undefined;
const because = (reason: string | undefined) => (reason === undefined ? '' : ` (${reason})`);

const manifest = `
apiVersion: v1
kind: Pod
metadata:
  name: echo
  annotations: {fake.berth.dev/exec-output: "ready", fake.berth.dev/exec-exit-code: "7", fake.berth.dev/output: "tick", fake.berth.dev/output-every: 50ms}
spec: {containers: [{name: main, image: "any:1", stdin: true}]}
`;

const webServer = manifestOf(busyboxPod('web', script(serves('127.0.0.1:8080'))));

function run(program: string, home: BerthHome, relay: ApiServerRelay, args: string[]): ChildProcessWithoutNullStreams {
  const environment = { ...process.env, HOME: home.directory };
  return spawn(program, ['--server', relay.url, '--kubeconfig', '/dev/null', ...args], { env: environment, stdio: 'pipe' });
}

/** Starts `port-forward`, and gives the local port once it listens. */
async function forwardedPort(child: ChildProcessWithoutNullStreams): Promise<number> {
  const [said] = (await once(createInterface(child.stdout), 'line')) as [string];
  return Number(/127\.0\.0\.1:(\d+) -> 8080/.exec(said)?.[1]);
}

describe.skipIf(none !== undefined)(`kubectl${because(none)}`, () => {
  const home = new BerthHome();
  let node: Running;
  let relay: ApiServerRelay;

  beforeAll(async () => {
    node = home.start(['run', '--runtime', 'fake', '-f', home.write('echo.yaml', manifest)]);
    await node.says(/tick/);
    relay = await ApiServerRelay.start(join(home.run, 'kubelet.sock'));
  });

  afterAll(async () => {
    await relay.close();
    await node.interrupt();
    home.remove();
  });

  const kubectl = (program: string, ...args: string[]) => run(program, home, relay, args);

  describe.each(found)('%s', { timeout: 20_000 }, (program) => {
    // kubectl may read before it has made its streams, and drops what comes so early ("Unknown stream id"): of the fake it comes at once.
    it('exec -i passes on input, its end, and the exit code', { retry: 2 }, async () => {
      const child = kubectl(program, 'exec', '-i', 'echo', '-c', 'main', '--', 'anything');
      const input = 'x'.repeat(300_000);
      child.stdin.end(input);
      const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
      expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: `ready\n${input}`, stderr: 'command terminated with exit code 7\n' });
    });

    it('attach shows what is printed', async () => {
      const child = kubectl(program, 'attach', 'echo', '-c', 'main');
      expect(String(await once(child.stdout, 'data'))).toContain('tick');
      child.kill();
      await once(child, 'close');
    });

    it('port-forward carries connections', async () => {
      const child = kubectl(program, 'port-forward', 'echo', ':8080');
      const port = await forwardedPort(child);
      for (const sent of ['one', 'two'.repeat(100_000)]) {
        const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
        socket.end(sent);
        expect(await text(socket)).toBe(sent);
      }
      child.kill();
      await once(child, 'close');
    });
  });
});

const noContainer = none ?? nodeMissing();

describe.skipIf(noContainer !== undefined)(`kubectl and a container on runc${because(noContainer)}`, () => {
  const home = new BerthHome();
  let node: Running;
  let relay: ApiServerRelay;

  beforeAll(async () => {
    node = home.start(['run', '--image', exampleImage, '-f', home.write('web.yaml', webServer)]);
    await node.says(/the node goes on/);
    relay = await ApiServerRelay.start(join(home.run, 'kubelet.sock'));
  });

  afterAll(async () => {
    await relay.close();
    await node.interrupt();
    home.remove();
  });

  it.each(found)('port-forward of %s goes on where the pod ends each connection first', async (program) => {
    const child = run(program, home, relay, ['port-forward', 'web', ':8080']);
    const port = await forwardedPort(child);
    for (let i = 0; i < 3; i++) {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.write('GET / HTTP/1.0\r\n\r\n');
      expect(await text(socket)).toMatch(/hello\n$/);
    }
    child.kill();
    expect(await text(child.stderr)).toBe('');
  });
});
