import type { ContainerReading, NodeReading, PodReading, ResourceFigures } from './node-reading.ts';
import type { ContainerStats, PodStats, Summary } from './summary.ts';

/** A reading in the shape of /stats/summary. */
export function summarize({ node, systemContainers, pods }: NodeReading, onlyCpuAndMemory: boolean): Summary {
  const { nodeName, startTime, cpu, memory, swap, io } = node;
  const short = { nodeName, startTime, ...(cpu && { cpu }), ...(memory && { memory }), ...(swap && { swap }), ...(io && { io }) };
  return {
    node: { ...(onlyCpuAndMemory ? short : node), systemContainers },
    pods: pods.map((pod) => podStats(pod, onlyCpuAndMemory)),
  };
}

function podStats(pod: PodReading, onlyCpuAndMemory: boolean): PodStats {
  const { podRef, startTime, network, processCount, containers, volumes, ephemeralStorage } = pod;
  const short = { podRef, startTime, containers: containers.map((each) => containerStats(each, onlyCpuAndMemory)), ...figures(pod) };
  if (onlyCpuAndMemory) return short;
  return {
    ...short,
    ...(network && { network }),
    ...(volumes && { volume: volumes }),
    ...(ephemeralStorage && { 'ephemeral-storage': ephemeralStorage }),
    ...(processCount !== undefined && { process_stats: { process_count: processCount } }),
  };
}

function containerStats(container: ContainerReading, onlyCpuAndMemory: boolean): ContainerStats {
  const { name, startTime, rootfs, logs } = container;
  const short = { name, startTime, ...figures(container) };
  return onlyCpuAndMemory ? short : { ...short, ...(rootfs && { rootfs }), ...(logs && { logs }) };
}

function figures({ cpu, memory, swap, io }: ResourceFigures): ResourceFigures {
  return { ...(cpu && { cpu }), ...(memory && { memory }), ...(swap && { swap }), ...(io && { io }) };
}
