import type { Pod } from '@berth/api/objects';
import picocolors from 'picocolors';
import type { Directories } from '../configuration/directories.ts';
import { joinRecords, type PodTraceAnswer } from '../node/call-records.ts';
import type { KubeletClient } from '../node/kubelet-client.ts';
import { waterfall } from '../output/waterfall.ts';

/** Every plugin call of `pod` so far, as a waterfall. */
export async function timelineOf(client: KubeletClient, pod: Pod, directories: Directories, width: number): Promise<string[]> {
  const path = [pod.metadata?.namespace ?? 'default', pod.metadata?.name ?? ''].map(encodeURIComponent).join('/');
  const trace = await client.json<PodTraceAnswer>(`/trace/${path}`);
  return waterfall(joinRecords(trace, directories), { width, paintFailure: picocolors.red });
}
