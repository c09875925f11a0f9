import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodTrace } from '@berth/kubelet/pod-traces';
import type { CallRecord } from '@berth/sdk/call-record';
import type { Directories } from '../configuration/directories.ts';

/** The calls of a pod as one list: the kubelet's own, and those that shims made for its sandboxes. */
export function joinRecords(trace: PodTrace, directories: Directories): CallRecord[] {
  const inShims = trace.sandboxIds.flatMap((id) => readCalls(join(directories.run, 'calls', `${id}.jsonl`)));
  return [...trace.records, ...inShims].sort((a, b) => a.startedAt - b.startedAt);
}

/** A shim may be writing its last line while we read: a line that isn't whole yet is left out. */
function readCalls(file: string): CallRecord[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as CallRecord);
}
