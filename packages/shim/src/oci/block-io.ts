import { PluginError } from '@berth/sdk/errors';
import type { OciBlockIo, OciThrottle } from './config-json.ts';

/** Limits of `io.max` by their keys (the kernel's cgroup-v2.rst). */
const throttles = {
  rbps: 'throttleReadBpsDevice',
  wbps: 'throttleWriteBpsDevice',
  riops: 'throttleReadIOPSDevice',
  wiops: 'throttleWriteIOPSDevice',
} as const;

/** Files of cgroup v2 whose content cgroup v1 can be given too. */
export const blockIoFiles = ['io.max', 'io.weight'];

/** Block I/O limits as a request words them, in `unified`, for cgroup v1; undefined for none. INVALID_ARGUMENT for content that the kernel wouldn't take. */
export function blockIo(unified: Record<string, string>, object: string): OciBlockIo | undefined {
  const { 'io.max': max, 'io.weight': weight } = unified;
  if (max === undefined && weight === undefined) return undefined;
  return { ...(weight !== undefined && { weight: v1Weight(weight, object) }), ...(max !== undefined && limitsOf(max, object)) };
}

/** 1 to 10000 becomes 10 to 1000: the reverse of what OCI runtimes do. */
function v1Weight(content: string, object: string): number {
  const weight = Number(/^(?:default )?(\d{1,5})$/.exec(content.trim())?.[1]);
  if (weight >= 1 && weight <= 10_000) return Math.round(10 + ((weight - 1) * 990) / 9999);
  throw refusal('io.weight', content, 'default 100', object);
}

/** Lines of `MAJOR:MINOR rbps=N wbps=N riops=N wiops=N`, each limit a number or `max`. */
function limitsOf(content: string, object: string): OciBlockIo {
  const result: Record<(typeof throttles)[keyof typeof throttles], OciThrottle[]> = {
    throttleReadBpsDevice: [],
    throttleWriteBpsDevice: [],
    throttleReadIOPSDevice: [],
    throttleWriteIOPSDevice: [],
  };
  for (const line of content.split('\n').filter((each) => each.trim() !== '')) {
    const [device = '', ...limits] = line.trim().split(/\s+/);
    const [, major, minor] = /^(\d{1,7}):(\d{1,7})$/.exec(device) ?? [];
    if (major === undefined || minor === undefined || limits.length === 0) throw refusal('io.max', line, '8:0 rbps=1048576', object);
    for (const limit of limits) {
      const [, key, value] = /^(rbps|wbps|riops|wiops)=(\d{1,15}|max)$/.exec(limit) ?? [];
      if (key === undefined || value === undefined) throw refusal('io.max', line, '8:0 rbps=1048576', object);
      // 0 takes a limit away on v1.
      const rate = value === 'max' ? 0 : Number(value);
      result[throttles[key as keyof typeof throttles]].push({ major: Number(major), minor: Number(minor), rate });
    }
  }
  return Object.fromEntries(Object.entries(result).filter(([, list]) => list.length > 0));
}

function refusal(file: string, content: string, example: string, object: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', `linux.resources.unified: ${JSON.stringify(content.slice(0, 100))} is no content of ${file}`, {
    object,
    hint: `write it as ${JSON.stringify(example)}`,
  });
}
