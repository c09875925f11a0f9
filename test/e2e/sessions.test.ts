import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage, Running } from '../fixtures/berth.ts';
import { type HostState, readHostState } from '../fixtures/host-state.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { findOnPath, repository } from '../fixtures/tools.ts';

/** What Ctrl-C types. */
const endOfText = '\x03';

const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: localhost/busybox:1
      stdin: true
      command: [sh, -c, 'mkdir -p /www; echo hello > /www/index.html; httpd -p 127.0.0.1:8080 -h /www; while read line; do echo "got $line"; done']
`;

describe('sessions with a container on runc', () => {
  let home: BerthHome;
  let node: Running;
  let before: HostState;

  beforeEach(skipIfMissing(nodeMissing));

  beforeAll(async () => {
    if (nodeMissing()) return;
    before = readHostState();
    home = new BerthHome();
    node = home.start(['run', '--image', exampleImage, '-f', home.write('web.yaml', manifest)]);
    await node.says(/the node goes on/);
  });

  afterAll(async () => {
    if (nodeMissing()) return;
    expect((await node.interrupt()).status).toBe(0);
    expect(readHostState()).toEqual(before);
    home.remove();
  });

  it('exec -i passes on input, its end, both outputs and the exit code', async () => {
    const input = 'x'.repeat(500_000);
    const exec = home.start(['exec', '-i', 'web', '--', 'sh', '-c', 'cat; echo end >&2; exit 4'], { input });
    expect(await exec.ended).toEqual({ status: 4, stdout: input, stderr: 'end\n' });
  });

  it('exec -t gives a terminal', async () => {
    const { status, stdout } = await home.berth('exec', '-t', 'web', '--', 'tty');
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^\/dev\/pts\/\d+\r\n$/)]);
  });

  it.skipIf(!findOnPath('script'))('exec -t without -i leaves Ctrl-C to end it [skipped: needs script, of bsdutils]', async () => {
    const command = `${join(repository, 'bin/berth')} --run ${home.run} exec -t web -- sh -c 'echo begun; sleep 600'`;
    const terminal = new Running(spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], { stdio: 'pipe' }));
    await terminal.says(/begun/);
    terminal.child.stdin.write(endOfText);
    expect((await terminal.ended).status).toBe(130);
  });

  it('exec says what could not be run', async () => {
    const { status, stderr } = await home.berth('exec', 'web', '--', 'nope');
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/command "nope" in container main.*not found/);
  });

  it('attach -i joins the container, and Ctrl-C leaves it alone', async () => {
    const attach = home.start(['attach', '-i', 'web'], { input: 'one\ntwo\n' });
    await attach.says(/got one\ngot two\n/);
    expect((await attach.interrupt()).status).toBe(0);
    expect((await home.berth('logs', 'web')).stdout).toBe('got one\ngot two\n');
  });

  it("port-forward reaches what listens on the pod's own loopback", async () => {
    const forward = home.start(['port-forward', 'web', ':8080', ':9']);
    await forward.says(/-> 9\n/);
    const stdout = forward.output;
    const [http, nothing] = [/127\.0\.0\.1:(\d+) -> 8080/, /127\.0\.0\.1:(\d+) -> 9/].map((pattern) => pattern.exec(stdout)?.[1]);
    for (const path of ['', 'index.html']) expect(await (await fetch(`http://127.0.0.1:${http}/${path}`)).text()).toBe('hello\n');
    await expect(fetch(`http://127.0.0.1:${nothing}/`)).rejects.toThrow();
    await forward.says(/error forwarding port 9 to sandbox default\/web/);
    expect((await forward.interrupt()).status).toBe(0);
  });
});
