import { setTimeout as delay } from 'node:timers/promises';
import type { LifecycleHandler } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { execCommand } from '../handlers/exec-command.ts';
import type { HandlerTarget } from '../handlers/handler-target.ts';
import { httpGet, httpRequestOf } from '../handlers/http-get.ts';
import { nameOf, namespaceOf, uidOf } from '../pod.ts';

/**
 * Runs a life-cycle hook to its end. It fails by a command's exit code, or by an HTTP server that doesn't answer, whatever the answer is.
 * Hooks have no time limit of their own: `signal` is theirs. Throws FAILED_PRECONDITION that names the hook, or the reason of `signal`.
 */
export async function runHook(hook: LifecycleHandler, target: HandlerTarget, signal: AbortSignal): Promise<void> {
  let output = '';
  try {
    if (hook.exec) output = await runCommand(hook.exec.command ?? [], target, signal);
    else if (hook.httpGet) await get(hook.httpGet, target, signal);
    else if (hook.sleep) await delay(hook.sleep.seconds * 1000, undefined, { signal });
    else throw new PluginError('INVALID_ARGUMENT', 'a tcpSocket is no hook that could be run');
  } catch (thrown) {
    signal.throwIfAborted();
    throw explain(hook, target, PluginError.from(thrown));
  }
  if (output !== '') throw explain(hook, target, new PluginError('FAILED_PRECONDITION', output));
}

/** Gives what was wrong; empty for a command that succeeded. */
async function runCommand(command: string[], target: HandlerTarget, signal: AbortSignal): Promise<string> {
  const { exitCode, output } = await execCommand(target, command, 0, signal);
  return exitCode === 0 ? '' : `command '${command.join(' ')}' exited with ${exitCode}: ${output}`;
}

async function get(action: NonNullable<LifecycleHandler['httpGet']>, target: HandlerTarget, signal: AbortSignal): Promise<void> {
  const request = httpRequestOf(action, target, 'lifecycle');
  try {
    await httpGet(request, signal);
  } catch (thrown) {
    if (!isPlainAnswer(thrown)) throw thrown;
    // A server that answers HTTPS in plain HTTP was good enough for hooks before they knew schemes.
    await httpGet({ ...request, url: new URL(request.url.href.replace(/^https:/, 'http:')) }, signal);
  }
}

function isPlainAnswer(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.cause as NodeJS.ErrnoException | undefined)?.code === 'EPROTO';
}

function explain(hook: LifecycleHandler, { pod, container }: HandlerTarget, cause: PluginError): PluginError {
  const [kind, detail] = nameHook(hook);
  const podName = `${nameOf(pod)}_${namespaceOf(pod)}(${uidOf(pod)})`;
  const object = `${kind} lifecycle hook (${detail}) for Container ${JSON.stringify(container.name)} in Pod ${JSON.stringify(podName)}`;
  return new PluginError('FAILED_PRECONDITION', `${object} failed - error: ${cause.message}`, { cause });
}

function nameHook({ exec, httpGet: get, sleep, tcpSocket }: LifecycleHandler): [kind: string, detail: string] {
  if (exec) return ['Exec', `[${(exec.command ?? []).join(' ')}]`];
  if (get) return ['HTTP', get.path ?? '/'];
  if (sleep) return ['Sleep', String(sleep.seconds)];
  return ['TCP', String(tcpSocket?.port)];
}
