import type { Probe } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { expand } from '../cri/expansion.ts';
import { execCommand } from '../handlers/exec-command.ts';
import { authority, type HandlerTarget, hostOf, portOf } from '../handlers/handler-target.ts';
import { checkHealth } from '../handlers/health-check.ts';
import { httpGet, httpRequestOf } from '../handlers/http-get.ts';
import { tcpConnect } from '../handlers/tcp-connect.ts';

/** How a probe came out; a warning counts as success. */
export interface ProbeOutcome {
  result: 'success' | 'warning' | 'failure';
  /** What the container answered, or why it didn't. */
  output: string;
}

const tries = 3;

/** Runs a probe once. Where it couldn't be run at all it is tried three times, then that is thrown. */
export async function runProbe(probe: Probe, target: HandlerTarget, signal: AbortSignal): Promise<ProbeOutcome> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt(probe, target, signal);
    } catch (thrown) {
      if (signal.aborted || failures === tries) throw thrown;
    }
  }
}

async function attempt(probe: Probe, target: HandlerTarget, signal: AbortSignal): Promise<ProbeOutcome> {
  const timeoutSeconds = probe.timeoutSeconds ?? 1;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]);
  if (probe.exec) return probeCommand(probe.exec.command ?? [], timeoutSeconds, target, signal);
  if (probe.httpGet) return probeHttp(probe.httpGet, target, limited);
  if (probe.tcpSocket) {
    const { host, port } = probe.tcpSocket;
    const failure = await tcpConnect(hostOf(target, host), portOf(target, port), limited);
    return failure === undefined ? { result: 'success', output: '' } : { result: 'failure', output: failure };
  }
  if (probe.grpc) {
    const address = authority(hostOf(target, undefined), probe.grpc.port);
    const { serving, message } = await checkHealth(address, probe.grpc.service ?? '', timeoutSeconds * 1000, signal);
    return { result: serving ? 'success' : 'failure', output: message };
  }
  throw new PluginError('INVALID_ARGUMENT', 'the probe has no handler', { object: `container ${target.container.name}` });
}

/** The runtime keeps the time of a command, and kills one that takes too long. */
async function probeCommand(command: string[], timeoutSeconds: number, target: HandlerTarget, signal: AbortSignal): Promise<ProbeOutcome> {
  // References to variables from elsewhere stay as they are: only what stands in the manifest is known here.
  const variables = new Map((target.container.env ?? []).flatMap(({ name, value }) => (value ? [[name, value] as const] : [])));
  const expanded = command.map((word) => expand(word, variables));
  try {
    const { exitCode, output } = await execCommand(target, expanded, timeoutSeconds, signal);
    return { result: exitCode === 0 ? 'success' : 'failure', output };
  } catch (thrown) {
    if (PluginError.from(thrown).code !== 'DEADLINE_EXCEEDED') throw thrown;
    return { result: 'failure', output: `command timed out: ${JSON.stringify(expanded.join(' '))} timed out after ${timeoutSeconds}s` };
  }
}

async function probeHttp(action: NonNullable<Probe['httpGet']>, target: HandlerTarget, signal: AbortSignal): Promise<ProbeOutcome> {
  const request = httpRequestOf(action, target, 'probe');
  try {
    const { statusCode, body } = await httpGet(request, signal);
    // The answer of a failing one may hold secrets, and events are read by many.
    if (statusCode < 200 || statusCode >= 400) return { result: 'failure', output: `HTTP probe failed with statuscode: ${statusCode}` };
    if (statusCode >= 300) return { result: 'warning', output: `Probe terminated redirects, Response body: ${body}` };
    return { result: 'success', output: body };
  } catch (thrown) {
    const error = PluginError.from(thrown);
    if (error.code === 'CANCELLED') throw error;
    return { result: 'failure', output: error.message };
  }
}
