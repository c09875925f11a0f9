import { type Client, connect } from '../connect.ts';
import { PluginError } from '../errors.ts';
import {
  IdentityService,
  NodeService,
  type NodeServiceCapability,
  NodeServiceCapability_RPC_Type,
  type PluginCapability,
  PluginCapability_Service_Type,
  PluginCapability_VolumeExpansion_Type,
} from '../gen/csi.ts';
import type { RegisteredPlugin } from '../plugin-watcher/plugin-handler.ts';
import { quoted } from '../quoted.ts';
import { highestCsiVersion } from './csi-version.ts';

/** A CSI driver, as it answered when it registered. */
export interface CsiDriver {
  name: string;
  /** Path of the socket on which it serves. */
  endpoint: string;
  /** Of CSI, as it said, and the highest of them that a kubelet takes. */
  supportedVersions: readonly string[];
  version: string;
  registeredAt: Date;
  /** GetPluginInfo. */
  vendorVersion: string;
  manifest: Readonly<Record<string, string>>;
  /** Probe. */
  ready: boolean;
  /** GetPluginCapabilities: of services, and of expansion. */
  capabilities: readonly string[];
  /** NodeGetCapabilities. */
  nodeCapabilities: readonly string[];
  /** NodeGetInfo; `maxVolumes` 0: the kubelet's own limit. */
  node: { id: string; maxVolumes: number; topology: Readonly<Record<string, string>> };
}

/** What a driver answered, and what is wrong with that; each with its cure. */
export interface DriverInterview {
  driver: CsiDriver;
  problems: readonly string[];
}

/** kubelet's (kubernetes:pkg/volume/csi/csi_plugin.go). */
const nodeInfoDeadlineMs = 2 * 60 * 1000;
const deadlineMs = 10_000;
const longestNodeId = 256;

/** Asks a driver for what it tells of itself. Throws where NodeGetInfo has no usable answer, without which no kubelet registers it. */
export async function interviewDriver(plugin: RegisteredPlugin, registeredAt: Date, signal: AbortSignal): Promise<DriverInterview> {
  const { name, endpoint, supportedVersions } = plugin;
  const identity = connect(IdentityService, `unix://${endpoint}`, { signal, deadlineMs });
  const nodeService = connect(NodeService, `unix://${endpoint}`, { signal, deadlineMs });
  try {
    const node = await nodeOf(plugin, nodeService);
    const problems: string[] = [];
    const asked = async <Answer>(call: Promise<Answer>): Promise<Answer | undefined> => {
      try {
        return await call;
      } catch (thrown) {
        problems.push(`${PluginError.from(thrown).message}; every driver answers it`);
        return undefined;
      }
    };
    const info = await asked(identity.getPluginInfo({}));
    const capabilities = await asked(identity.getPluginCapabilities({}));
    const probe = await asked(identity.probe({}));
    const nodeCapabilities = await asked(nodeService.nodeGetCapabilities({}));
    if (probe?.ready === false) problems.push("Probe says that it isn't ready; answer with ready once its volumes can be used");
    if (info && info.name !== name) problems.push(otherName(name, info.name));
    if (!isDriverName(name)) problems.push(badName(name));
    const driver: CsiDriver = {
      name,
      endpoint,
      supportedVersions,
      version: highestCsiVersion(name, supportedVersions),
      registeredAt,
      vendorVersion: info?.vendorVersion ?? '',
      manifest: info?.manifest ?? {},
      ready: probe !== undefined && probe.ready !== false,
      capabilities: capabilities?.capabilities.map(capabilityName) ?? [],
      nodeCapabilities: nodeCapabilities?.capabilities.map(nodeCapabilityName) ?? [],
      node,
    };
    return { driver, problems };
  } finally {
    identity.close();
    nodeService.close();
  }
}

async function nodeOf({ name }: RegisteredPlugin, service: Client<typeof NodeService>): Promise<CsiDriver['node']> {
  const { nodeId, maxVolumesPerNode, accessibleTopology } = await service.nodeGetInfo({}, { deadlineMs: nodeInfoDeadlineMs });
  const bytes = Buffer.byteLength(nodeId);
  if (bytes === 0 || bytes > longestNodeId) {
    throw new PluginError('INVALID_ARGUMENT', `its node_id has ${bytes} bytes`, {
      object: `NodeGetInfo of the CSI driver ${quoted(name)}`,
      hint: `answer with what the driver calls this node, in 1 to ${longestNodeId} bytes`,
    });
  }
  return { id: nodeId, maxVolumes: Number(maxVolumesPerNode), topology: accessibleTopology?.segments ?? {} };
}

function otherName(registered: string, told: string): string {
  return `it registered as ${quoted(registered)}, and GetPluginInfo says ${quoted(told)}; give the same name in both`;
}

function badName(name: string): string {
  return `the name ${quoted(name)} is not one of CSI; take a domain's name of at most 63 characters, such as driver.vendor.example`;
}

/** CSI: spec.md, GetPluginInfoResponse.name. */
function isDriverName(name: string): boolean {
  return name.length <= 63 && /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(name);
}

function capabilityName({ type }: PluginCapability): string {
  if (type?.$case === 'service') return nameOf(PluginCapability_Service_Type, type.value.type);
  if (type?.$case === 'volumeExpansion') return `${nameOf(PluginCapability_VolumeExpansion_Type, type.value.type)} expansion`;
  return 'UNKNOWN';
}

function nodeCapabilityName({ type }: NodeServiceCapability): string {
  return type ? nameOf(NodeServiceCapability_RPC_Type, type.value.type) : 'UNKNOWN';
}

/** What a number is called in the protocol; of a later version it is the number itself. */
function nameOf(values: Readonly<Record<string, number>>, number: number): string {
  return Object.entries(values).find(([, value]) => value === number)?.[0] ?? String(number);
}
