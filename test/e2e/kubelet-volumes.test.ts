import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { ContainerStatus } from '@berth/api/objects';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage, type Running } from '../fixtures/berth.ts';
import { containerdMissing } from '../fixtures/containerd.ts';
import { type CriServer, startContainerd } from '../fixtures/cri-servers.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { kubeletGet, logsOf, podOf } from '../fixtures/kubelet-socket.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { repository } from '../fixtures/tools.ts';

const image = 'localhost/busybox:1';
const examples = ['projected', 'volumes-shared', 'volumes-config'];

const pod = (name: string, spec: string) => `---
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec: {terminationGracePeriodSeconds: 0, ${spec}}
`;

const container = (name: string, script: string, mounts: string, more = '') =>
  `{name: ${name}, image: '${image}', command: [sh, -c, '${script}'], volumeMounts: [${mounts}]${more && `, ${more}`}}`;

const configMap = (name: string, value: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {value: '${value}'}\n`;

const victims = ['one', 'two', 'three', 'four', 'five', 'six'];

/** What each pod is there to show, by its name. */
const pods = (host: string) => [
  pod(
    'live',
    `containers: [${container(
      'main',
      'while true; do now=$(cat /live/value); [ "$now" = "$last" ] || echo "sees $now, part $(cat /part)"; last=$now; sleep 0.1; done',
      '{name: live, mountPath: /live}, {name: live, mountPath: /part, subPath: value}',
    )}], volumes: [{name: live, configMap: {name: live}}]`,
  ),
  pod(
    'late',
    `restartPolicy: Never, containers: [${container('main', 'cat /v/value', '{name: v, mountPath: /v}')}], volumes: [{name: v, configMap: {name: late}}]`,
  ),
  pod(
    'host',
    `restartPolicy: Never, containers: [${container(
      'main',
      'test -S /socket && test -c /device && test -f /file && test -d /directory && echo all are there; echo new > /made/file',
      'socket device file directory made'
        .split(' ')
        .map((name) => `{name: ${name}, mountPath: /${name}}`)
        .join(),
    )}], volumes: [${[
      `{name: socket, hostPath: {path: ${host}/socket, type: Socket}}`,
      '{name: device, hostPath: {path: /dev/null, type: CharDevice}}',
      `{name: file, hostPath: {path: ${host}/new/file, type: FileOrCreate}}`,
      `{name: directory, hostPath: {path: ${host}, type: Directory}}`,
      `{name: made, hostPath: {path: ${host}/made/here, type: DirectoryOrCreate}}`,
    ].join()}]`,
  ),
  pod(
    'wrong',
    `containers: [${container('main', 'true', '{name: v, mountPath: /v}')}], volumes: [{name: v, hostPath: {path: ${host}, type: File}}]`,
  ),
  pod(
    'swapper',
    `containers: [${container(
      'main',
      'cd /v; mkdir -p dir; ln -s / link; while true; do mv dir swap; mv swap dir; mv link swap; mv swap link; rm -f swap; mkdir -p dir; [ -L link ] || ln -s / link; done 2> /dev/null',
      '{name: v, mountPath: /v}',
    )}], volumes: [{name: v, hostPath: {path: ${host}/swapped}}]`,
  ),
  pod(
    'victims',
    `restartPolicy: Never, containers: [${victims
      .map((name) =>
        container(name, 'for name in proc etc usr; do test ! -e /v/$name || echo escaped; done', '{name: v, mountPath: /v, subPath: swap}'),
      )
      .join()}], volumes: [{name: v, hostPath: {path: ${host}/swapped}}]`,
  ),
  pod(
    'image',
    `restartPolicy: Never, containers: [${container(
      'main',
      'test -x /image/bin/busybox && ls /part; touch /image/new || echo read-only',
      '{name: image, mountPath: /image}, {name: image, mountPath: /part, subPath: etc}',
    )}], volumes: [{name: image, image: {reference: '${image}', pullPolicy: Never}}]`,
  ),
];

describe.each([
  { runtime: 'runc', missing: nodeMissing, serve: async (): Promise<CriServer | undefined> => undefined },
  { runtime: 'containerd', missing: containerdMissing, serve: (): Promise<CriServer | undefined> => startContainerd() },
])('the volumes of pods on $runtime', ({ runtime, missing, serve }) => {
  let before: HostState;
  let home: BerthHome;
  let server: CriServer | undefined;
  let socket: Server;
  let node: Running;

  beforeEach(skipIfMissing(missing));

  beforeAll(async () => {
    if (missing()) return;
    before = readHostState();
    server = await serve();
    home = new BerthHome(server && { runtimes: [{ handler: runtime, endpoint: server.endpoint }] });
    const host = join(home.directory, 'host');
    for (const name of ['host/new', 'host/swapped', 'objects']) mkdirSync(join(home.directory, name), { recursive: true });
    socket = createServer().listen(join(host, 'socket'));
    writeFileSync(join(home.directory, 'objects/live.yaml'), configMap('live', 'blue'));
    const own = ['-f', home.write('pods.yaml', pods(host).join('')), '--objects', join(home.directory, 'objects')];
    const images = server ? [] : ['--image', exampleImage];
    node = home.start(['run', ...images, ...own, ...examples.flatMap((name) => ['-f', join(repository, `examples/${name}.yaml`)])]);
    await node.says(/starting a node/);
  });

  afterAll(async () => {
    if (missing()) return;
    await node.interrupt();
    socket.close();
    await server?.stop();
    home.remove();
    // The reference plugins may lose a rule when many networks go at once; volumes leave mounts and directories, if anything.
    await expectHostState(before, (state) => (runtime === 'containerd' ? { ...state, firewall: [] } : state));
  });

  const statusOf = async (name: string) => (await podOf(home, name).catch(() => undefined))?.status;
  const containersOf = async (name: string): Promise<ContainerStatus[]> => (await statusOf(name))?.containerStatuses ?? [];
  const logs = (name: string, containerName = 'main') => logsOf(home, name, containerName).catch(() => '');
  const phase = (name: string) => expect.poll(async () => (await statusOf(name))?.phase, { timeout: 30_000 });

  it('show a changed config map in the running container, but not through a subPath', async () => {
    await expect.poll(() => logs('live'), { timeout: 30_000 }).toBe('sees blue, part blue\n');
    writeFileSync(join(home.directory, 'objects/live.yaml'), configMap('live', 'red'));
    await expect.poll(() => logs('live'), { timeout: 10_000 }).toBe('sees blue, part blue\nsees red, part blue\n');
    expect((await containersOf('live'))[0]?.restartCount).toBe(0);
  });

  it('keep a pod waiting for a config map that is missing, until it comes', async () => {
    const message = 'MountVolume.SetUp failed for volume "v" : configmap "late" not found';
    await expect.poll(() => statusOf('late'), { timeout: 30_000 }).toMatchObject({ phase: 'Pending', message });
    expect(JSON.parse(await kubeletGet(home, '/events'))).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ reason: 'FailedMount', message })]),
    });
    writeFileSync(join(home.directory, 'objects/late.yaml'), configMap('late', 'here'));
    await phase('late').toBe('Succeeded');
    expect(await logs('late')).toBe('here');
  });

  it('are of the host, as their types say', async () => {
    await phase('host').toBe('Succeeded');
    expect(await logs('host')).toBe('all are there\n');
    expect(readFileSync(join(home.directory, 'host/made/here/file'), 'utf8')).toBe('new\n');
    expect(await statusOf('wrong')).toMatchObject({
      phase: 'Pending',
      message: expect.stringMatching(/hostPath type check failed: .* is not a file/),
    });
  });

  it('never show the host through a subPath that is swapped for a link to it', async () => {
    const settled = async () =>
      (await containersOf('victims')).filter(({ state }) => state?.terminated || state?.waiting?.reason === 'CreateContainerConfigError')
        .length;
    await expect.poll(settled, { timeout: 30_000 }).toBe(victims.length);
    for (const { name, state } of await containersOf('victims')) {
      if (state?.waiting) expect(state.waiting.message).toMatch(/failed to prepare subPath for volumeMount "v" of container/);
      else expect([name, await logs('victims', name)]).toEqual([name, '']);
    }
  });

  it.runIf(runtime === 'runc')('are the content of an image', async () => {
    await phase('image').toBe('Succeeded');
    expect(await logs('image')).toMatch(/^group\npasswd\n(.*\n)?read-only\n/);
  });

  it.runIf(runtime === 'containerd')('of an image are refused by a runtime that knows none, and the pod says so', async () => {
    const waiting = async () => (await containersOf('image'))[0]?.state?.waiting;
    await expect
      .poll(waiting, { timeout: 30_000 })
      .toMatchObject({ reason: 'CreateContainerError', message: expect.stringMatching(/image volume/) });
  });

  it('gather secrets, settings, fields and a token in one directory (examples/projected.yaml)', async () => {
    const said = 'logging in as admin\nlabels: app="projected"\nmemory: 64Mi\ntoken parts: 2\ncolour: blue\n';
    await expect.poll(() => logs('projected', 'reader'), { timeout: 30_000 }).toBe(said);
  });

  it('are shared by containers, on disk and in memory (examples/volumes-shared.yaml)', async () => {
    await phase('shared').toBe('Succeeded');
    expect(await logs('shared', 'reader')).toMatch(
      /^note: written by 1000, group 2000\npart: private\nmemory: quick of 4096Ki\nhost: \d+ lines\n$/,
    );
  });

  it('configure a program (examples/volumes-config.yaml)', async () => {
    await phase('configured').toBe('Succeeded');
    expect(await logs('configured', 'web')).toMatch(
      /^directory: httpd.conf motd \none file: Ahoy among \d+\npassword: fathom, mode 440\nlabels: app="web" tier="front" ?\nbuild: two\nread-only\n$/,
    );
  });
});
