import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage, Running } from '../fixtures/berth.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { busyboxPod, manifestOf, script } from '../fixtures/pod-manifests.ts';
import { findOnPath, repository } from '../fixtures/tools.ts';

/** What Ctrl-C types. */
const endOfText = '\x03';

const manifest = manifestOf(
  busyboxPod('web', {
    ...script('mkdir -p /www; echo hello > /www/index.html; httpd -p 127.0.0.1:8080 -h /www; while read line; do echo "got $line"; done'),
    stdin: true,
  }),
);

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
    home.remove();
    await expectHostState(before);
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

  it('exec -it goes on without a terminal where its own input is none, and so ends with that', async () => {
    const exec = home.start(['exec', '-it', 'web', '--', 'sh', '-c', 'tty; cat'], { input: 'typed\n' });
    expect(await exec.ended).toEqual({
      status: 0,
      stdout: 'not a tty\ntyped\n',
      stderr: 'berth: standard input is not a terminal: going on without one\n',
    });
  });

  it.skipIf(!findOnPath('script'))('exec -t without -i leaves Ctrl-C to end it [skipped: needs script, of bsdutils]', async () => {
    const command = `${join(repository, 'bin/berth')} --run ${home.run} exec -t web -- sh -c 'echo begun; sleep 600'`;
    const terminal = new Running(spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], { stdio: 'pipe' }));
    await terminal.says(/begun/);
    terminal.child.stdin.write(endOfText);
    expect((await terminal.ended).status).toBe(130);
  });

  it.concurrent.for<[what: string, command: string[], status: number]>([
    ['a command that ends by itself', ['sh', '-c', 'exit 42'], 42],
    ['the largest status', ['sh', '-c', 'exit 255'], 255],
    ['a command that a signal ends', ['sh', '-c', 'kill -KILL $$'], 137],
    ['a command that SIGTERM ends', ['sh', '-c', 'kill -TERM $$'], 143],
    ['a program that is not on PATH', ['nope'], 127],
    ['a path where nothing is', ['/no/such'], 127],
    ['a file that is no program', ['/etc/passwd'], 126],
    ['a directory', ['/etc'], 126],
  ])('exec exits as %s does', async ([_what, command, status], { expect }) => {
    const ended = await home.berth('exec', 'web', '--', ...command);
    expect(ended.status, ended.stderr).toBe(status);
  });

  it('exec says what could not be run', async () => {
    const { stderr } = await home.berth('exec', 'web', '--', 'nope');
    expect(stderr).toMatch(/command "nope" in container main.*not found/);
  });

  it.concurrent.for<[what: string, args: string[], words: RegExp]>([
    ['a pod that is not there', ['exec', 'nobody', '--', 'true'], /no such pod on this node/],
    ['a container that is not there', ['exec', '-c', 'side', 'web', '--', 'true'], /container side of pod default\/web/],
    ['a pod that is not there to be attached to', ['attach', 'nobody'], /no such pod on this node/],
    ['a pod without such ports', ['port-forward', 'nobody', '80'], /no such pod on this node/],
  ])('%s: status 1, in words', async ([_what, args, words], { expect }) => {
    const { status, stderr } = await home.berth(...args);
    expect(status).toBe(1);
    expect(stderr).toMatch(words);
  });

  it('attach -t goes on without a terminal where the container has none', async () => {
    const attach = home.start(['attach', '-it', 'web'], { input: 'three\n' });
    await attach.says(/got three\n/);
    expect((await attach.interrupt()).stderr).toBe('berth: the container has no terminal: going on without one\n');
  });

  it('attach -i joins the container, and Ctrl-C leaves it alone', async () => {
    const attach = home.start(['attach', '-i', 'web'], { input: 'one\ntwo\n' });
    await attach.says(/got one\ngot two\n/);
    expect((await attach.interrupt()).status).toBe(0);
    expect((await home.berth('logs', 'web')).stdout).toContain('got one\ngot two\n');
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
