import { readFileSync } from 'node:fs';
import type { PodTrace } from '@berth/kubelet/pod-traces';
import type { CallRecord } from '@berth/sdk/call-record';
import { ShimDirectories } from '@berth/shim/directories';
import type { Directories } from '../configuration/directories.ts';

/** The calls of a pod as one list: the kubelet's own, and those that shims made for its sandboxes. */
export function joinRecords(trace: PodTrace, directories: Directories): CallRecord[] {
  const { root, run } = directories;
  const shims = new ShimDirectories(root, run, '');
  const inShims = trace.sandboxIds.flatMap((id) => readCalls(shims.callsOf(id)));
  return [...trace.records, ...inShims].sort((a, b) => a.startedAt - b.startedAt);
}

/** A shim may be writing its last line while we read, and a full disk cuts lines: those that aren't whole are left out. */
function readCalls(file: string): CallRecord[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').slice(0, -1).flatMap(parse);
}

function parse(line: string): CallRecord[] {
  try {
    return [JSON.parse(line) as CallRecord];
  } catch {
    return [];
  }
}
