import type { PluginError } from '@berth/sdk/errors';
import { z } from 'zod';
import { type DumpedField, type DumpedValue, goChecksum } from '../checkpoint/dumped-value.ts';
import { PolicyStateFile } from '../checkpoint/policy-state-file.ts';

const bytes = z.number().int().nonnegative();

/** Bytes of one kind of memory on a NUMA node. */
const memoryTable = z.object({ total: bytes, systemReserved: bytes, allocatable: bytes, reserved: bytes, free: bytes });

const nodeState = z.object({
  /** Blocks that have this node. */
  numberOfAssignments: z.number().int(),
  /** By resource name: `memory`, `hugepages-2Mi`, ... */
  memoryMap: z.record(z.string(), memoryTable),
  /** The nodes that are handed out together with this one; its own id alone while there are none. */
  cells: z.array(z.number().int()),
});

/** Memory that a container has, on one NUMA node or on several together. */
const block = z.object({ numaAffinity: z.array(z.number().int()), type: z.string(), size: bytes });

const content = z.object({
  /** By NUMA node. */
  machineState: z.record(z.string(), nodeState),
  /** By pod uid, by container name. */
  entries: z.record(z.string(), z.record(z.string(), z.array(block))).optional(),
});

export type MemoryTable = z.infer<typeof memoryTable>;
export type NodeState = z.infer<typeof nodeState>;
export type MemoryBlock = z.infer<typeof block>;

/** Who has how much memory where. Bytes are numbers, as in the file: exact up to 8 PiB. */
export interface MemoryState {
  nodes: Map<number, NodeState>;
  entries: Map<string, Map<string, MemoryBlock[]>>;
}

/** Kubelet's file `memory_manager_state`, with its format and checksum (MemoryManagerCheckpoint). */
export class MemoryStateFile {
  readonly #file: PolicyStateFile<z.infer<typeof content>>;

  constructor(path: string, policyName: string) {
    this.#file = new PolicyStateFile({ path, name: 'memory manager state', policyName, content, checksumOf });
  }

  /** Undefined if there is no file. FAILED_PRECONDITION for one that is broken or of another policy. */
  load(): MemoryState | undefined {
    const loaded = this.#file.load();
    if (!loaded) return undefined;
    const { machineState, entries = {} } = loaded;
    return {
      nodes: new Map(Object.entries(machineState).map(([id, node]) => [Number(id), node])),
      entries: new Map(Object.entries(entries).map(([uid, containers]) => [uid, new Map(Object.entries(containers))])),
    };
  }

  save({ nodes, entries }: MemoryState): void {
    const containers = [...entries].map(([uid, blocks]) => [uid, Object.fromEntries(blocks)]);
    this.#file.save({ machineState: Object.fromEntries(nodes), ...(entries.size > 0 && { entries: Object.fromEntries(containers) }) });
  }

  /** Why the file can't be gone on with, and what to do about it. */
  unusable(what: string): PluginError {
    return this.#file.unusable(what);
  }
}

function checksumOf(policyName: string, { machineState, entries = {} }: z.infer<typeof content>): number {
  return goChecksum('state.MemoryManagerCheckpoint', [
    ['PolicyName', 'string', plain(policyName)],
    ['MachineState', 'state.NUMANodeMap', mapOf(machineState, dumpedNode)],
    [
      'Entries',
      'state.ContainerMemoryAssignments',
      mapOf(entries, (containers) => mapOf(containers, (blocks) => list(blocks.map(dumpedBlock)))),
    ],
    ['Checksum', 'checksum.Checksum', plain(0)],
  ]);
}

function dumpedNode({ numberOfAssignments, memoryMap, cells }: NodeState): DumpedValue {
  return struct(
    [
      ['NumberOfAssignments', 'int', plain(numberOfAssignments)],
      ['MemoryMap', 'map[v1.ResourceName]*state.MemoryTable', mapOf(memoryMap, dumpedTable)],
      ['Cells', '[]int', list(cells.map(plain))],
    ],
    true,
  );
}

function dumpedTable({ total, systemReserved, allocatable, reserved, free }: MemoryTable): DumpedValue {
  const sizes = { TotalMemSize: total, SystemReserved: systemReserved, Allocatable: allocatable, Reserved: reserved, Free: free };
  return struct(
    Object.entries(sizes).map(([name, size]): DumpedField => [name, 'uint64', plain(size)]),
    true,
  );
}

function dumpedBlock({ numaAffinity, type, size }: MemoryBlock): DumpedValue {
  return struct([
    ['NUMAAffinity', '[]int', list(numaAffinity.map(plain))],
    ['Type', 'v1.ResourceName', plain(type)],
    ['Size', 'uint64', plain(size)],
  ]);
}

function plain(value: string | number): DumpedValue {
  return { kind: 'plain', value };
}

function list(items: DumpedValue[]): DumpedValue {
  return { kind: 'list', items };
}

function struct(fields: DumpedField[], pointer?: true): DumpedValue {
  return { kind: 'struct', fields, pointer };
}

function mapOf<T>(record: Record<string, T>, dumped: (value: T) => DumpedValue): DumpedValue {
  return { kind: 'map', entries: new Map(Object.entries(record).map(([key, value]) => [key, dumped(value)])) };
}
