import { isIPv6 } from 'node:net';
import type { Node, NodeStatus, Taint } from '@berth/api/objects';
import { Quantity } from '@berth/api/quantity';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import type { Image } from '@berth/sdk/cri';
import type { MachineFacts } from '../machine/machine-facts.ts';
import type { NodeCondition } from './node-conditions.ts';
import type { RuntimeReading } from './runtime-reading.ts';

/** What a node's status is made of. */
interface NodeFacts {
  capacity: ResourceAmounts;
  allocatable: ResourceAmounts;
  conditions: NodeCondition[];
  taints: Taint[];
  /** The preferred one first. */
  addresses: readonly string[];
  machine: MachineFacts;
  runtime: RuntimeReading;
  /** -1: all. */
  maxImages: number;
  kubeletVersion: string;
  /** Of the kubelet's server; undefined: it has none. */
  port?: number;
}

/** Names of one image in the status; the first five are shown. */
const namesOfImage = 5;

/** The node with its status and its taints. */
export function nodeObject(registered: Node, facts: NodeFacts): Node {
  const { machine, runtime, conditions, taints, port } = facts;
  const addresses = facts.addresses.map((address) => ({ type: 'InternalIP', address }));
  return {
    ...registered,
    spec: { ...registered.spec, ...(taints.length > 0 && { taints }) },
    status: {
      capacity: quantities(facts.capacity),
      allocatable: quantities(facts.allocatable),
      conditions,
      addresses: [...addresses, { type: 'Hostname', address: registered.metadata?.name ?? '' }],
      ...(port !== undefined && { daemonEndpoints: { kubeletEndpoint: { Port: port } } }),
      nodeInfo: nodeInfo(machine, runtime.version, facts.kubeletVersion),
      images: imagesOf(runtime.images, facts.maxImages),
      runtimeHandlers: runtime.runtimeHandlers,
      features: runtime.features,
    },
  };
}

/** The largest images first, each with its digest before its tags. */
function imagesOf(images: readonly Image[], most: number): NodeStatus['images'] {
  const sorted = images.toSorted((a, b) => Number(b.size - a.size));
  return (most < 0 ? sorted : sorted.slice(0, most)).map(({ repoDigests, repoTags, size }) => ({
    names: [...repoDigests, ...repoTags].slice(0, namesOfImage),
    sizeBytes: Number(size),
  }));
}

function nodeInfo(machine: MachineFacts, runtimeVersion: string, kubeletVersion: string): NonNullable<NodeStatus['nodeInfo']> {
  return {
    machineID: machine.machineId,
    systemUUID: machine.systemUuid,
    bootID: machine.bootId,
    kernelVersion: machine.kernelVersion,
    osImage: machine.osImage,
    containerRuntimeVersion: runtimeVersion,
    kubeletVersion,
    kubeProxyVersion: '',
    operatingSystem: machine.operatingSystem,
    architecture: machine.architecture,
    ...(machine.swap > 0n && { swap: { capacity: Number(machine.swap) } }),
  };
}

/** Amounts as manifests write them: bytes of memory with a binary suffix. */
function quantities(amounts: ResourceAmounts): Record<string, string> {
  return Object.fromEntries([...amounts].map(([name, amount]) => [name, quantity(name, amount).toString()]));
}

function quantity(name: string, amount: bigint): Quantity {
  if (name === 'cpu') return Quantity.ofMilli(amount);
  return Quantity.of(amount, name === 'memory' || name.startsWith('hugepages-') || name === 'ephemeral-storage' ? 'BinarySI' : 'DecimalSI');
}

/** At most one address of each family, IPv4 and IPv6 in the order given. */
export function dualStack(addresses: readonly string[]): string[] {
  const first = (six: boolean) => addresses.find((address) => isIPv6(address) === six);
  return addresses.filter((address) => address === first(isIPv6(address)));
}
