import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContainerConfig, ContainerState, NamespaceMode, type PodSandboxConfig } from '@berth/sdk/cri';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeCniPlugins } from '../../testing/cni-plugins.ts';
import { describeOciRuntimes, makeRoot } from '../../testing/oci-host.ts';
import { image, TestShim } from '../../testing/test-shim.ts';
import { NamedImages } from '../image/named.ts';
import { mountPoints } from '../mount-points.ts';
import { OciRuntime } from './oci-runtime.ts';

/** Images that are names, all of one layer with busybox. */
class BusyboxImages extends NamedImages {
  readonly #layer: string;

  constructor(root: string) {
    super(join(root, 'images'));
    this.#layer = join(root, 'layer');
  }

  override async use(reference: string, user: string) {
    const used = await super.use(reference, user);
    await stat(this.#layer).catch(() => makeRoot(this.#layer));
    return { ...used, layers: [this.#layer] };
  }
}

const ids = [{ containerId: 0, hostId: 300_000, length: 65_536 }];
const usernsOptions = { mode: NamespaceMode.POD, uids: ids, gids: ids };

describeOciRuntimes('a pod with a user namespace', (binary) => {
  let shim: TestShim;
  let pod: string | undefined;

  beforeEach(async (context) => {
    shim = await TestShim.start({
      images: (root) => new BusyboxImages(root),
      cni: writeCniPlugins,
      runtime: ({ options, calls, log }) => new OciRuntime({ binary, run: options.run, handler: 'process', calls, log }),
    });
    const { runtimeHandlers } = await shim.runtime.status({ verbose: false });
    if (!runtimeHandlers[0]?.features?.userNamespaces) context.skip(`${binary} tells of no user namespaces`);
    await chmod(shim.directory, 0o711);
  });

  afterEach(async () => {
    if (pod !== undefined) await shim.runtime.removePodSandbox({ podSandboxId: pod });
    pod = undefined;
    const left = [...(await mountPoints())].filter((point) => point.startsWith(shim.directory));
    const objects = shim.leftovers();
    await shim.close();
    expect([left, objects]).toEqual([[], []]);
  });

  async function runPod(options: object = {}): Promise<string> {
    const linux = { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER, usernsOptions, ...options } } };
    pod = await shim.runPod({ logDirectory: join(shim.directory, 'logs'), linux } as Parameters<typeof PodSandboxConfig.fromPartial>[0]);
    return pod;
  }

  /** What a container prints, without its log's other columns. */
  async function printed(
    podSandboxId: string,
    script: string,
    config: Parameters<typeof ContainerConfig.fromPartial>[0] = {},
  ): Promise<string[]> {
    const name = `c${Math.random()}`;
    const command = ['sh', '-c', script];
    const containerId = await shim.runContainer(podSandboxId, { metadata: { name }, command, logPath: `${name}.log`, ...config });
    await expect
      .poll(async () => (await shim.containerStatus(containerId)).state, { timeout: 10_000 })
      .toBe(ContainerState.CONTAINER_EXITED);
    const log = await readFile(join(shim.directory, 'logs', `${name}.log`), 'utf8');
    return log
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' ').slice(3).join(' '));
  }

  it('has root of its own, who is nobody outside, over its image, its network and its memory', async () => {
    const podSandboxId = await runPod();
    const script = 'read a b c < /proc/self/uid_map; echo $a $b $c; ls -ln /bin/busybox; touch /new /dev/shm/new && echo written; hostname';
    const [map, file, ...rest] = await printed(podSandboxId, script);
    expect(map).toBe('0 300000 65536');
    expect(file).toMatch(/ 1 0 +0 /);
    expect(rest).toEqual(['written', 'web']);
  });

  it('has volumes whose files keep their owners on disk, where they are asked to be idmapped', async () => {
    const podSandboxId = await runPod();
    const volume = join(shim.directory, 'volume');
    await mkdir(volume);
    const mount = { hostPath: volume, uidMappings: ids, gidMappings: ids };
    const script = 'touch /v/of-root && ls -ln /v | tail -n 1; touch /plain/file || echo refused';
    const lines = await printed(podSandboxId, script, {
      mounts: [
        { containerPath: '/v', ...mount },
        { containerPath: '/plain', hostPath: volume },
      ],
    });
    expect(lines[0]).toMatch(/ 1 0 +0 /);
    expect(lines.slice(1).join('\n')).toContain('refused');
    expect((await stat(join(volume, 'of-root'))).uid).toBe(0);
  });

  it("has an image's volume as its own, also where the client asks for that to be idmapped", async () => {
    const podSandboxId = await runPod();
    const volume = { containerPath: '/data', image: { image } };
    for (const mount of [volume, { ...volume, uidMappings: ids, gidMappings: ids }]) {
      expect((await printed(podSandboxId, 'ls -ln /data/bin/busybox', { mounts: [mount] }))[0]).toMatch(/ 1 0 +0 /);
    }
  });

  it('mounts a file as a volume, idmapped too', async () => {
    const podSandboxId = await runPod();
    const file = join(shim.directory, 'file');
    await writeFile(file, 'secret\n', { mode: 0o600 });
    const mounts = [{ containerPath: '/etc/secret', hostPath: file, readonly: true, uidMappings: ids, gidMappings: ids }];
    expect(await printed(podSandboxId, 'cat /etc/secret', { mounts })).toEqual(['secret']);
  });

  it('shares one PID namespace among its containers where it is asked to', async () => {
    const podSandboxId = await runPod({ pid: NamespaceMode.POD });
    expect(await printed(podSandboxId, 'ps | head -n 2 | tail -n 1')).toEqual([expect.stringContaining('catatonit')]);
  });

  it('is refused with a container, a mount or namespaces that it does not go with', async () => {
    const podSandboxId = await runPod();
    const other = [{ ...ids[0], hostId: 500_000 }] as typeof ids;
    const namespaceOptions = { usernsOptions: { ...usernsOptions, uids: other } };
    await expect(shim.createContainer(podSandboxId, { linux: { securityContext: { namespaceOptions } } })).rejects.toThrow(
      /it is not the sandbox's/,
    );
    const mounts = [{ containerPath: '/v', hostPath: '/tmp', uidMappings: other, gidMappings: ids }];
    await expect(shim.createContainer(podSandboxId, { mounts })).rejects.toThrow(/mount at \/v aren't those/);
    const wrong = [
      { usernsOptions, network: NamespaceMode.NODE },
      { usernsOptions: { ...usernsOptions, uids: [] } },
      { usernsOptions: { ...usernsOptions, gids: [{ containerId: 5, hostId: 1, length: 1 }] } },
      { usernsOptions: { ...usernsOptions, mode: NamespaceMode.CONTAINER } },
      { usernsOptions: { ...usernsOptions, uids: [{ containerId: 0, hostId: 4_294_967_295, length: 2 }] } },
    ];
    for (const namespaces of wrong) {
      const linux = { securityContext: { namespaceOptions: namespaces } };
      await expect(shim.runPod({ metadata: { name: 'x', namespace: 'n', uid: 'u' }, linux })).rejects.toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    }
  });

  it('is refused, naming the directory, where root of it cannot pass through what is above its files', async () => {
    await chmod(shim.directory, 0o700);
    await expect(runPod()).rejects.toThrow(new RegExp(`can't pass through ${shim.directory}`));
  });
});
