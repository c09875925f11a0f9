import type { Nvml, NvmlHandle } from './nvml.ts';

/** NVML_NVLINK_MAX_LINKS was 18 with Hopper; a GPU with fewer refuses the numbers above. */
const mostLinks = 36;

/** Where the NVLinks of one GPU lead to. */
export interface NvLinks {
  /** How many lead to a switch, and by way of it to every GPU on the switches. */
  readonly toSwitches: number;
  /** How many lead straight to the GPU at a PCI address. */
  readonly toGpus: ReadonlyMap<string, number>;
}

/** Asks for the active NVLinks of a GPU. One that has none, or a library without them, gives none. */
export async function nvLinksOf(nvml: Nvml, gpu: NvmlHandle): Promise<NvLinks> {
  const toGpus = new Map<string, number>();
  let toSwitches = 0;
  for (let link = 0; link < mostLinks; link++) {
    const active = await nvml.nvLinkActive(gpu, link).catch(() => undefined);
    if (active === undefined) break;
    if (!active) continue;
    const peer = await nvml.nvLinkPeer(gpu, link).catch(() => 'gpu');
    if (peer === 'switch') toSwitches++;
    if (peer !== 'gpu') continue;
    const address = await nvml.nvLinkPeerAddress(gpu, link).catch(() => undefined);
    if (address !== undefined) toGpus.set(address, (toGpus.get(address) ?? 0) + 1);
  }
  return { toSwitches, toGpus };
}

interface LinkedGpu {
  busId: string;
  links: NvLinks | undefined;
}

/** NVLinks between two GPUs; all switches of a host count as joined. */
export function nvLinksBetween(first: LinkedGpu, second: LinkedGpu): number {
  const straight = first.links?.toGpus.get(second.busId) ?? 0;
  return straight + Math.min(first.links?.toSwitches ?? 0, second.links?.toSwitches ?? 0);
}
