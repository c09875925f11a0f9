import type { Pod } from '@berth/api/objects';
import picocolors from 'picocolors';
import type { Directories } from '../configuration/directories.ts';
import type { KubeletClient } from '../node/kubelet-client.ts';
import { joinRecords } from './call-records.ts';
import { waterfall } from './waterfall.ts';

/** The plugin calls of `pod` so far, as a waterfall. */
export async function timelineOf(client: KubeletClient, pod: Pod, directories: Directories, width: number): Promise<string[]> {
  const trace = await client.trace(pod.metadata?.namespace ?? 'default', pod.metadata?.name ?? '');
  return waterfall(joinRecords(trace, directories), { width, paintFailure: picocolors.red });
}
