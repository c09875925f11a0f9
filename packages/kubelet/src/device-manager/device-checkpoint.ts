import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isExtendedResourceName } from '@berth/api/resource-names';
import { ContainerAllocateResponse } from '@berth/sdk/device/protocol';
import { PluginError } from '@berth/sdk/errors';
import { z } from 'zod';
import { CheckpointFile } from '../checkpoint/checkpoint-file.ts';
import { type DumpedField, type DumpedValue, goChecksum } from '../checkpoint/dumped-value.ts';
import { nodesOf } from '../topology-manager/numa-mask.ts';
import type { Holder, Holding } from './device-holdings.ts';
import type { DeviceSet } from './device-set.ts';

/** What a kubelet has to know of devices after a restart. */
export interface DeviceMemory {
  /** Those whose plugin was asked for them. */
  holdings: readonly Holding[];
  /** Containers that have devices of which nobody knows which they are: entries without devices. */
  unknown: readonly Holder[];
  /** The resources whose plugins there were. */
  registered: readonly string[];
}

/** NUMA node of devices that are near to none. */
const noNode = '-1';

const resourceName = z.string().refine(isExtendedResourceName, 'not the name of an extended resource');
const entry = z.object({
  PodUID: z.string(),
  ContainerName: z.string(),
  ResourceName: resourceName,
  DeviceIDs: z.record(z.string(), z.array(z.string()).nullable()).nullable(),
  AllocResp: z.base64().nullable(),
});
const data = z.object({
  PodDeviceEntries: z.array(entry).nullable(),
  RegisteredDevices: z.record(resourceName, z.array(z.string()).nullable()).nullable(),
});
const content = z.object({ Data: data, Checksum: z.number(), BootID: z.string().optional() });
type Data = z.infer<typeof data>;

/** kubelet's file `kubelet_internal_checkpoint`, with its format and checksum (kubernetes:pkg/kubelet/cm/devicemanager/checkpoint). */
export class DeviceCheckpoint {
  /** What it tells of are containers, which end with the host's run; after that they begin anew, and are given devices if need be. */
  readonly #file: CheckpointFile;

  constructor(directory: string) {
    this.#file = new CheckpointFile(join(directory, 'kubelet_internal_checkpoint'), { outlivesHost: false });
  }

  /** Undefined if there is no file. FAILED_PRECONDITION for one that can't be read. */
  load(): DeviceMemory | undefined {
    const text = this.#file.read();
    if (text === undefined) return undefined;
    const { Data: stored } = this.#parse(text);
    const holdings = (stored.PodDeviceEntries ?? []).map(holdingOf);
    return {
      holdings: holdings.filter(({ ids }) => ids.length > 0),
      unknown: holdings.filter(({ ids }) => ids.length === 0).map(({ uid, container, resource }) => ({ uid, container, resource })),
      registered: Object.keys(stored.RegisteredDevices ?? {}),
    };
  }

  /** `bootId`, that of the host's run, is for kubelets: here a restart of the host is no other than one of the kubelet. */
  save(
    { holdings, unknown, registered, bootId }: DeviceMemory & { bootId: string },
    devicesOf: (resource: string) => DeviceSet | undefined,
  ): void {
    const stored: Data = {
      PodDeviceEntries: [
        ...holdings.map((holding) => entryOf(holding, devicesOf(holding.resource))),
        ...unknown.map((holder) => entryOf({ ...holder, ids: [] }, undefined)),
      ],
      // kubelet lists the healthy devices there, and reads no more of it than the resources.
      RegisteredDevices: Object.fromEntries(registered.map((resource) => [resource, []])),
    };
    this.#file.write(JSON.stringify({ Data: stored, Checksum: checksumOf(stored), BootID: bootId }));
  }

  /** Keeps a file that can't be read, for a person to look at, and out of the way. Gives where it is. */
  putAside(): string {
    const aside = `${this.#file.path}.broken`;
    rmSync(aside, { recursive: true, force: true });
    renameSync(this.#file.path, aside);
    return aside;
  }

  #parse(text: string): z.infer<typeof content> {
    const parsed = content.safeParse(this.#json(text));
    if (!parsed.success) {
      const faults = z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, ' ');
      throw this.#broken(`it is of another version, or no checkpoint of kubelet's: ${faults}`, parsed.error);
    }
    if (parsed.data.Checksum !== checksumOf(parsed.data.Data)) throw this.#broken("the checksum isn't that of the content");
    return parsed.data;
  }

  #json(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (thrown) {
      throw this.#broken("it isn't JSON: it was cut off, or isn't kubelet's", thrown);
    }
  }

  #broken(why: string, cause?: unknown): PluginError {
    return new PluginError('FAILED_PRECONDITION', `it can't be read: ${why}`, {
      object: `device manager's checkpoint ${this.#file.path}`,
      cause,
    });
  }
}

function holdingOf({ PodUID, ContainerName, ResourceName, DeviceIDs, AllocResp }: z.infer<typeof entry>): Holding {
  return {
    uid: PodUID,
    container: ContainerName,
    resource: ResourceName,
    ids: [...new Set(Object.values(DeviceIDs ?? {}).flatMap((ids) => ids ?? []))],
    answer: ContainerAllocateResponse.decode(Buffer.from(AllocResp ?? '', 'base64')),
  };
}

function entryOf({ uid, container, resource, ids, answer }: Holding, devices: DeviceSet | undefined): z.infer<typeof entry> {
  const nodesOfDevice = (id: string) => nodesOf(devices?.get(id)?.nodes ?? 0);
  const nodes = [...new Set(ids.flatMap(nodesOfDevice))];
  const near = nodes.map((node) => [`${node}`, ids.filter((id) => nodesOfDevice(id).includes(node))]);
  const nearNone = ids.filter((id) => nodesOfDevice(id).length === 0);
  const answered = answer ? ContainerAllocateResponse.encode(answer).finish() : Buffer.alloc(0);
  return {
    PodUID: uid,
    ContainerName: container,
    ResourceName: resource,
    DeviceIDs: Object.fromEntries([...near, ...(nearNone.length > 0 ? [[noNode, nearNone]] : [])]),
    AllocResp: Buffer.from(answered).toString('base64'),
  };
}

function checksumOf({ PodDeviceEntries, RegisteredDevices }: Data): number {
  return goChecksum(
    'checkpoint.checkpointData',
    [
      [
        'PodDeviceEntries',
        '[]checkpoint.PodDevicesEntry',
        list(PodDeviceEntries, (entry) => ({ kind: 'struct', fields: fieldsOf(entry) })),
      ],
      ['RegisteredDevices', 'map[string][]string', map(RegisteredDevices, (ids) => list(ids, plain))],
    ],
    { byValue: true },
  );
}

function fieldsOf({ PodUID, ContainerName, ResourceName, DeviceIDs, AllocResp }: z.infer<typeof entry>): DumpedField[] {
  const bytes = AllocResp === null ? null : [...Buffer.from(AllocResp, 'base64')];
  return [
    ['PodUID', 'string', plain(PodUID)],
    ['ContainerName', 'string', plain(ContainerName)],
    ['ResourceName', 'string', plain(ResourceName)],
    ['DeviceIDs', 'checkpoint.DevicesPerNUMA', map(DeviceIDs, (ids) => list(ids, plain))],
    ['AllocResp', '[]uint8', list(bytes, plain)],
  ];
}

function plain(value: string | number): DumpedValue {
  return { kind: 'plain', value };
}

/** What Go has as nil. */
const nil: DumpedValue = { kind: 'plain', value: '<nil>' };

function list<T>(items: readonly T[] | null, dumped: (item: T) => DumpedValue): DumpedValue {
  return items === null ? nil : { kind: 'list', items: items.map(dumped) };
}

function map<T>(record: Record<string, T> | null, dumped: (value: T) => DumpedValue): DumpedValue {
  return record === null ? nil : { kind: 'map', entries: new Map(Object.entries(record).map(([key, value]) => [key, dumped(value)])) };
}
