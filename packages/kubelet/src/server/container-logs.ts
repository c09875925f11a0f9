import { once } from 'node:events';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import type { ReadLogsOptions } from '../logs/read-logs.ts';
import { readLogs } from '../logs/read-logs.ts';
import { consequenceOf } from '../plan/restart-policy.ts';
import { findStatus, nameOf, uidOf } from '../pod.ts';
import { containerOf, findPod } from './find-pod.ts';
import type { NodeView } from './node-view.ts';
import { type Exchange, flag } from './router.ts';

/** GET /containerLogs/{namespace}/{pod}/{container}?follow&previous&tailLines&limitBytes&sinceSeconds&sinceTime&timestamps&stream */
export async function containerLogs(node: NodeView, { params, query, response, signal }: Exchange): Promise<void> {
  const pod = findPod(node, params);
  const { name } = containerOf(pod, params.container ?? '');
  const previous = flag(query, 'previous');
  const options = logOptions(query);
  checkStarted(pod, name, previous);
  const log = await readLogs(
    {
      ...options,
      directory: join(node.logDirectory(pod), name),
      follow: flag(query, 'follow'),
      previous,
      isOver: () => isOver(node, pod, name),
    },
    signal,
  );
  response.writeHead(200, { 'content-type': 'text/plain' }).flushHeaders();
  for await (const chunk of log) {
    if (!response.write(chunk)) await once(response, 'drain', { signal });
  }
  response.end();
}

/** A container that hasn't started has no log, and one that hasn't restarted none from before: kubelet's words for both. */
function checkStarted(pod: Pod, name: string, previous: boolean): void {
  const { state, restartCount = 0, containerID } = findStatus(pod.status, name) ?? {};
  if (previous && restartCount === 0) {
    throw new PluginError(
      'INVALID_ARGUMENT',
      `previous terminated container ${JSON.stringify(name)} in pod ${JSON.stringify(nameOf(pod))} not found`,
    );
  }
  if (containerID) return;
  const reason = state?.waiting?.reason ?? 'ContainerCreating';
  throw new PluginError(
    'FAILED_PRECONDITION',
    `container ${JSON.stringify(name)} in pod ${JSON.stringify(nameOf(pod))} is waiting to start: ${reason}`,
  );
}

/** A container that has ended for good, or whose pod has. */
function isOver(node: NodeView, pod: Pod, name: string): boolean {
  const now = node.pods().find((candidate) => uidOf(candidate) === uidOf(pod));
  const phase = now?.status?.phase;
  if (!now || phase === 'Succeeded' || phase === 'Failed') return true;
  const terminated = findStatus(now.status, name)?.state?.terminated;
  return terminated !== undefined && consequenceOf(now, containerOf(now, name), terminated.exitCode) === 'none';
}

type LogOptions = Pick<ReadLogsOptions, 'tailLines' | 'limitBytes' | 'since' | 'timestamps' | 'stream'>;

/** The query as PodLogOptions of the API, checked as there. */
function logOptions(query: URLSearchParams): LogOptions {
  const [tailLines, limitBytes, sinceSeconds] = [
    count(query, 'tailLines', 0),
    count(query, 'limitBytes', 1),
    count(query, 'sinceSeconds', 1),
  ];
  const sinceTime = time(query, 'sinceTime');
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    throw new PluginError('INVALID_ARGUMENT', 'at most one of `sinceTime` or `sinceSeconds` may be specified');
  }
  const since = sinceSeconds === undefined ? sinceTime : new Date(Date.now() - sinceSeconds * 1000);
  const stream = streamOf(query.get('stream') ?? 'All');
  if (stream !== undefined && tailLines !== undefined) {
    throw new PluginError('INVALID_ARGUMENT', '`tailLines` and specific `stream` are mutually exclusive for now');
  }
  return { tailLines, limitBytes, timestamps: flag(query, 'timestamps'), ...(since && { since }), ...(stream && { stream }) };
}

function streamOf(name: string): LogOptions['stream'] {
  if (name === 'All') return undefined;
  if (name === 'Stdout') return 'stdout';
  if (name === 'Stderr') return 'stderr';
  throw new PluginError('INVALID_ARGUMENT', `stream must be All, Stdout or Stderr, not ${JSON.stringify(name)}`);
}

function time(query: URLSearchParams, name: string): Date | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw new PluginError('INVALID_ARGUMENT', `${name} must be a time of RFC 3339, not ${JSON.stringify(text)}`);
  return date;
}

function count(query: URLSearchParams, name: string, least: number): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^-?\d+$/.test(text)) throw new PluginError('INVALID_ARGUMENT', `${name} must be a number, not ${JSON.stringify(text)}`);
  if (Number(text) < least) throw new PluginError('INVALID_ARGUMENT', `${name} must be greater than or equal to ${least}, not ${text}`);
  return Number(text);
}
