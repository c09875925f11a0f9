import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  PluginCapability_VolumeExpansion_Type as Expansion,
  type GetPluginInfoResponse,
  IdentityService,
  NodeServiceCapability_RPC_Type as NodeCapability,
  type NodeGetInfoResponse,
  NodeService,
  PluginCapability_Service_Type as ServiceCapability,
} from '../gen/csi.ts';
import type { PluginInfo } from '../gen/plugin-registration.ts';
import type { Implementation } from '../serve.ts';
import { KubeletBench, startOfTime } from './mock-kubelet.fixture.ts';

const bench = KubeletBench.forEachTest();

const name = 'driver.vendor.example';
const endpoint = () => join(bench.directory, 'plugins/driver/csi.sock');
const pluginInfo: GetPluginInfoResponse = { name, vendorVersion: '1.2.3', manifest: { commit: 'f00' } };
const nodeInfo: NodeGetInfoResponse = { nodeId: 'node-7', maxVolumesPerNode: 16n, accessibleTopology: { segments: { zone: 'z1' } } };

interface Faults {
  identity?: Implementation<typeof IdentityService>;
  node?: Implementation<typeof NodeService>;
}

/** A driver that answers everything, but for what is replaced. */
async function driver({ identity, node }: Faults = {}, path = 'plugins/driver/csi.sock'): Promise<void> {
  await bench.server(path, [
    [
      IdentityService,
      {
        getPluginInfo: () => pluginInfo,
        getPluginCapabilities: () => ({
          capabilities: [
            { type: { $case: 'service', value: { type: ServiceCapability.CONTROLLER_SERVICE } } },
            { type: { $case: 'volumeExpansion', value: { type: Expansion.ONLINE } } },
          ],
        }),
        probe: () => ({ ready: true }),
        ...identity,
      },
    ],
    [
      NodeService,
      {
        nodeGetInfo: () => nodeInfo,
        nodeGetCapabilities: () => ({ capabilities: [{ type: { $case: 'rpc', value: { type: NodeCapability.STAGE_UNSTAGE_VOLUME } } }] }),
        ...node,
      },
    ],
  ]);
}

const registrar = (info: Partial<PluginInfo> = {}, path?: string) =>
  bench.registrar({ type: 'CSIPlugin', name, endpoint: endpoint(), supportedVersions: ['1.0.0'], ...info }, path);

const registered = () => bench.kubelet.waitFor(({ drivers }) => drivers().get(name));

describe('a CSI driver', () => {
  it('is known by what it answers, until its socket goes', async () => {
    await driver();
    const { told, close } = await registrar({ supportedVersions: ['1.0.0', '1.10.0', '1.9.0', '2.0.0'] });
    expect(await registered()).toEqual({
      name,
      endpoint: endpoint(),
      supportedVersions: ['1.0.0', '1.10.0', '1.9.0', '2.0.0'],
      version: '1.10.0',
      registeredAt: startOfTime,
      vendorVersion: '1.2.3',
      manifest: { commit: 'f00' },
      ready: true,
      capabilities: ['CONTROLLER_SERVICE', 'ONLINE expansion'],
      nodeCapabilities: ['STAGE_UNSTAGE_VOLUME'],
      node: { id: 'node-7', maxVolumes: 16, topology: { zone: 'z1' } },
    });
    await expect.poll(() => told).toEqual([{ pluginRegistered: true, error: '' }]);
    await close();
    await bench.kubelet.waitFor(({ drivers }) => drivers().size === 0);
    expect(bench.happened).toEqual(['started', 'driver-registered', 'driver-gone']);
  });

  it('is registered again by a kubelet that begins anew', async () => {
    await driver();
    await registrar();
    await registered();
    await bench.kubelet.stop();
    expect(bench.kubelet.drivers().size).toBe(0);
    await bench.kubelet.start();
    await registered();
  });

  it.each<[what: string, info: Partial<PluginInfo>, faults: Faults, told: RegExp]>([
    [
      'of no version 1',
      { supportedVersions: ['0.3.0', '2.0.0'] },
      {},
      /"driver\.vendor\.example": it speaks \["0\.3\.0","2\.0\.0"\], and kubelets speak/,
    ],
    ['of no version', { supportedVersions: [] }, {}, /it speaks \[\], .*; answer GetInfo with the supported_versions 1\.0\.0/],
    [
      'at half a path',
      { endpoint: 'csi.sock' },
      {},
      /its endpoint "csi\.sock" is no whole path; answer GetInfo with the path of its socket/,
    ],
    ['that does not serve', { endpoint: '/nonexistent/csi.sock' }, {}, /NodeGetInfo on unix:\/\/\/nonexistent\/csi\.sock: the socket file/],
    [
      'without a node id',
      {},
      { node: { nodeGetInfo: () => ({ ...nodeInfo, nodeId: '' }) } },
      /NodeGetInfo of the CSI driver .*: its node_id has 0 bytes; answer with what the driver calls this node, in 1 to 256 bytes/,
    ],
    ['with a long node id', {}, { node: { nodeGetInfo: () => ({ ...nodeInfo, nodeId: 'ü'.repeat(129) }) } }, /its node_id has 258 bytes/],
  ])('%s is refused, and told why', async (_what, info, faults, message) => {
    await driver(faults);
    const { told } = await registrar(info);
    await expect.poll(() => told[0]).toMatchObject({ pluginRegistered: false, error: expect.stringMatching(message) });
    await expect.poll(() => bench.events.at(-1)).toMatchObject({ event: 'refused', message: expect.stringMatching(message) });
    expect(bench.kubelet.drivers().size).toBe(0);
  });

  it.each<[what: string, faults: Faults, told: RegExp]>([
    [
      'of two names',
      { identity: { getPluginInfo: () => ({ ...pluginInfo, name: 'other.example' }) } },
      /: it registered as "driver\.vendor\.example", and GetPluginInfo says "other\.example"; give the same name in both/,
    ],
    [
      'that fails at a call',
      {
        identity: {
          probe() {
            throw new Error('no bus');
          },
        },
      },
      /Probe on unix:\/\/.*: no bus; every driver answers it/,
    ],
    ['that is not ready', { identity: { probe: () => ({ ready: false }) } }, /Probe says that it isn't ready; /],
  ])('%s is registered, and told of', async (_what, faults, message) => {
    await driver(faults);
    await registrar();
    await registered();
    expect(bench.messages).toEqual([expect.stringMatching(message)]);
    expect(bench.messages[0]).toMatch(/^CSI driver driver\.vendor\.example: /);
  });

  it('of a name that CSI does not know is told of', async () => {
    await driver({ identity: { getPluginInfo: () => ({ ...pluginInfo, name: 'my driver' }) } });
    await registrar({ name: 'my driver' });
    await bench.kubelet.waitFor(({ drivers }) => drivers().has('my driver'));
    expect(bench.messages).toEqual([expect.stringMatching(/the name "my driver" is not one of CSI; take a domain's name/)]);
  });

  it.each([
    ['is refused', '1.0.0', /another driver of this name speaks CSI 1\.0\.0, at .*; stop that one first, or take another name/],
    ['takes its place where it speaks a higher version', '1.1.0', /^$/],
  ])('that comes second %s', async (_what, version, error) => {
    await driver();
    await registrar({}, 'first.sock');
    await registered();
    const { told } = await registrar({ supportedVersions: [version] }, 'second.sock');
    await expect.poll(() => told[0]?.error).toMatch(error);
  });
});
