import { open } from 'node:fs/promises';
import type { ContainerStatus } from '@berth/sdk/cri';
import { terminationMessagePathAnnotation, terminationMessagePolicyAnnotation } from '../cri/labels.ts';
import { CriLogReader } from '../logs/cri-log.ts';

/** What kubelet takes of each (kubelet/container/helpers.go, kuberuntime_container.go). */
const mostFileBytes = 4096;
const mostLogBytes = 2048;
const mostLogLines = 80;
/** Enough for that many log lines of that many bytes with what CRI writes before each. */
const logTailBytes = 32 * 1024;

/**
 * What an instance that has ended says of its end: the runtime's own message, then what the container wrote to its termination log or,
 * where that is empty and its policy says so, the end of what it printed before it failed. Never throws.
 */
export async function terminationMessage(status: ContainerStatus): Promise<string> {
  const written = await writtenMessage(status);
  const logsMayTell = status.annotations[terminationMessagePolicyAnnotation] === 'FallbackToLogsOnError' && status.exitCode !== 0;
  const last = written || !logsMayTell ? written : await lastOutput(status.logPath);
  return [status.message, last].filter((part) => part !== '').join(': ');
}

async function writtenMessage({ mounts, annotations }: ContainerStatus): Promise<string> {
  const path = annotations[terminationMessagePathAnnotation];
  const mount = path ? mounts.find(({ containerPath }) => containerPath === path) : undefined;
  if (!mount) return '';
  try {
    return (await endOfFile(mount.hostPath, mostFileBytes)).toString();
  } catch (thrown) {
    return isMissing(thrown) ? '' : `Error on reading termination log ${mount.hostPath}: ${(thrown as Error).message}`;
  }
}

async function lastOutput(logPath: string): Promise<string> {
  if (!logPath) return '';
  try {
    const output = new CriLogReader().read(await endOfFile(logPath, logTailBytes));
    const lines = output
      .toString('latin1')
      .split(/(?<=\n)/)
      .slice(-mostLogLines);
    return Buffer.from(lines.join(''), 'latin1').subarray(-mostLogBytes).toString();
  } catch (thrown) {
    return isMissing(thrown) ? '' : `Error on reading termination message from logs: ${(thrown as Error).message}`;
  }
}

async function endOfFile(path: string, most: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, most)), 0, Math.min(size, most), Math.max(0, size - most));
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The pod's directory goes when the pod has ended, its logs with the pod. */
function isMissing(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException).code === 'ENOENT';
}
