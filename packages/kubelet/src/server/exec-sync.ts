import { PluginError } from '@berth/sdk/errors';
import { findPod, runningContainer } from './find-pod.ts';
import type { NodeView } from './node-view.ts';
import { type Exchange, sendJson } from './router.ts';

/** How a command in a container ended, as JSON: output in base64. */
export interface ExecSyncResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/**
 * POST /run/{namespace}/{pod}/{container}?cmd=WORDS: runs a command by CRI ExecSync. As kubelet's route it takes `cmd`, split at
 * blanks, and answers with the output as text, or 500 if the command fails. Besides, it takes `command` once for each word, and
 * answers a client that accepts JSON with a ExecSyncResult.
 */
export async function execSync(node: NodeView, { params, query, request, response, signal }: Exchange): Promise<void> {
  const pod = findPod(node, params);
  const command = query.has('command') ? query.getAll('command') : (query.get('cmd') ?? '').split(' ').filter(Boolean);
  if (command.length === 0) throw new PluginError('INVALID_ARGUMENT', 'no command: give cmd, or command once for each word');
  const { stdout, stderr, exitCode } = await node.execSync(runningContainer(pod, params.container ?? ''), command, signal);
  if (request.headers.accept?.includes('application/json')) {
    const [out, err] = [stdout, stderr].map((bytes) => Buffer.from(bytes).toString('base64')) as [string, string];
    return sendJson(response, { stdout: out, stderr: err, exitCode } satisfies ExecSyncResult);
  }
  const output = Buffer.concat([stdout, stderr]);
  if (exitCode === 0) response.writeHead(200, { 'content-type': 'text/plain' }).end(output);
  else response.writeHead(500, { 'content-type': 'text/plain' }).end(`command terminated with exit code ${exitCode}\n${output}`);
}
