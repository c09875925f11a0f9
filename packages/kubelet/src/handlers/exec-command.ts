import { ExecSyncRequest } from '@berth/sdk/cri';
import type { HandlerTarget } from './handler-target.ts';

/** How a command ended. */
interface CommandResult {
  exitCode: number;
  /** Standard output, then standard error: the first 10 KiB. */
  output: string;
}

const outputLimit = 10 * 1024;

/**
 * Runs a command in the container, by CRI ExecSync. `timeoutSeconds` 0: it may take as long as `signal` lets it. Errors are those of the
 * call; DEADLINE_EXCEEDED where the command took too long.
 */
export async function execCommand(
  { client, containerId, requestTimeoutMs }: HandlerTarget,
  cmd: string[],
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<CommandResult> {
  const deadlineMs = timeoutSeconds > 0 ? timeoutSeconds * 1000 + requestTimeoutMs : Number.POSITIVE_INFINITY;
  const request = ExecSyncRequest.create({ containerId, cmd, timeout: BigInt(timeoutSeconds) });
  const { stdout, stderr, exitCode } = await client.runtime.execSync(request, { signal, deadlineMs });
  return { exitCode, output: Buffer.concat([stdout, stderr]).subarray(0, outputLimit).toString() };
}
