import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOnEachRuntime } from '../fixtures/node-on-runtime.ts';
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

describeOnEachRuntime({ about: 'the volumes of pods', manyNetworks: true }, (node) => {
  let socket: Server;

  beforeAll(async () => {
    const { home } = node;
    const host = join(home.directory, 'host');
    for (const name of ['host/new', 'host/swapped', 'objects']) mkdirSync(join(home.directory, name), { recursive: true });
    socket = createServer().listen(join(host, 'socket'));
    home.write('objects/live.yaml', configMap('live', 'blue'));
    const own = ['-f', home.write('pods.yaml', pods(host).join('')), '--objects', join(home.directory, 'objects')];
    await node.run([...own, ...examples.flatMap((name) => ['-f', join(repository, `examples/${name}.yaml`)])], /starting a node/);
  });

  afterAll(async () => {
    // Its pods' mounts hold the socket.
    await node.interrupt();
    socket.close();
  });

  const phase = (name: string) => expect.poll(async () => (await node.statusOf(name))?.phase, { timeout: 30_000 });

  it('show a changed config map in the running container, but not through a subPath', async () => {
    await expect.poll(() => node.logs('live'), { timeout: 30_000 }).toBe('sees blue, part blue\n');
    node.home.write('objects/live.yaml', configMap('live', 'red'));
    await expect.poll(() => node.logs('live'), { timeout: 10_000 }).toBe('sees blue, part blue\nsees red, part blue\n');
    expect((await node.containerOf('live'))?.restartCount).toBe(0);
  });

  it('keep a pod waiting for a config map that is missing, until it comes', async () => {
    const message = 'MountVolume.SetUp failed for volume "v" : configmap "late" not found';
    const told = expect.objectContaining({ reason: 'FailedMount', message });
    await expect.poll(() => node.events('late'), { timeout: 30_000 }).toContainEqual(told);
    expect(await node.statusOf('late')).toMatchObject({ phase: 'Pending' });
    node.home.write('objects/late.yaml', configMap('late', 'here'));
    await phase('late').toBe('Succeeded');
    expect(await node.logs('late')).toBe('here');
  });

  it('are of the host, as their types say', async () => {
    await phase('host').toBe('Succeeded');
    expect(await node.logs('host')).toBe('all are there\n');
    expect(readFileSync(join(node.home.directory, 'host/made/here/file'), 'utf8')).toBe('new\n');
    expect(await node.statusOf('wrong')).toMatchObject({ phase: 'Pending' });
    const message = expect.stringMatching(/hostPath type check failed: .* is not a file/);
    expect(await node.events('wrong')).toContainEqual(expect.objectContaining({ reason: 'FailedMount', message }));
  });

  it('never show the host through a subPath that is swapped for a link to it', async () => {
    const containers = async () => (await node.statusOf('victims'))?.containerStatuses ?? [];
    const settled = async () =>
      (await containers()).filter(({ state }) => state?.terminated || state?.waiting?.reason === 'CreateContainerConfigError').length;
    await expect.poll(settled, { timeout: 30_000 }).toBe(victims.length);
    for (const { name, state } of await containers()) {
      if (state?.waiting) expect(state.waiting.message).toMatch(/failed to prepare subPath for volumeMount "v" of container/);
      else expect([name, await node.logs('victims', name)]).toEqual([name, '']);
    }
  });

  if (node.handler === 'runc') {
    it('are the content of an image', async () => {
      await phase('image').toBe('Succeeded');
      expect(await node.logs('image')).toMatch(/^group\npasswd\n(.*\n)?read-only\n/);
    });
  } else {
    it('of an image are refused by a runtime that knows none, and the pod says so', async () => {
      await expect
        .poll(async () => (await node.containerOf('image'))?.state?.waiting, { timeout: 30_000 })
        .toMatchObject({ reason: 'CreateContainerError', message: expect.stringMatching(/image volume/) });
    });
  }

  it('gather secrets, settings, fields and a token in one directory (examples/projected.yaml)', async () => {
    const said = 'logging in as admin\nlabels: app="projected"\nmemory: 64Mi\ntoken parts: 2\ncolour: blue\n';
    await expect.poll(() => node.logs('projected', 'reader'), { timeout: 30_000 }).toBe(said);
  });

  it('are shared by containers, on disk and in memory (examples/volumes-shared.yaml)', async () => {
    await phase('shared').toBe('Succeeded');
    expect(await node.logs('shared', 'reader')).toMatch(
      /^note: written by 1000, group 2000\npart: private\nmemory: quick of 4096Ki\nhost: \d+ lines\n$/,
    );
  });

  it('configure a program (examples/volumes-config.yaml)', async () => {
    await phase('configured').toBe('Succeeded');
    expect(await node.logs('configured', 'web')).toMatch(
      /^directory: httpd.conf motd \none file: Ahoy among \d+\npassword: fathom, mode 440\nlabels: app="web" tier="front" ?\nbuild: two\nread-only\n$/,
    );
  });
});
