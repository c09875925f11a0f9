import { Channels, channel } from './channels.ts';
import type { StreamingRequest } from './messages.ts';
import type { TestContainer } from './pod.ts';
import type { CriTarget } from './target.ts';

/** What a client asks for. */
export type Streams = Omit<StreamingRequest, 'containerId'>;

/** What a client asks for that only listens. */
export const output: Streams = { stdout: true, stderr: true };

/** Runs `work` with an open connection, and closes it. */
export async function using<Connection extends { close(): void }, Result>(
  opening: Promise<Connection>,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await opening;
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
}

/** Starts a command by Exec. */
export async function execute(
  target: CriTarget,
  { id }: TestContainer,
  cmd: string[],
  streams: Streams,
  signal: AbortSignal,
): Promise<Channels> {
  const { url } = await target.client.Exec({ containerId: id, cmd, ...streams });
  return Channels.open(url, 'command', signal);
}

/** Attaches to a container. */
export async function attach(target: CriTarget, { id }: TestContainer, streams: Streams, signal: AbortSignal): Promise<Channels> {
  const { url } = await target.client.Attach({ containerId: id, ...streams });
  return Channels.open(url, 'command', signal);
}

/** Waits for the end of a command and for its output. */
export async function completed(channels: Channels): Promise<{ code: number; stdout: string; stderr: string }> {
  const code = await channels.exitCode();
  return { code, stdout: channels.received(channel.stdout).toString(), stderr: channels.received(channel.stderr).toString() };
}
