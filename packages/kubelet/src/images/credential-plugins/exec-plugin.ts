import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { z } from 'zod';
import { type CredentialProvider, duration } from './configuration.ts';

/** kubelet's (credentialprovider/plugin/plugin.go). */
const timeLimitMs = 60_000;
/** A login is short; more than this is none. */
const longestAnswer = 1024 * 1024;

const response = z.object({
  apiVersion: z.string(),
  kind: z.literal('CredentialProviderResponse'),
  cacheKeyType: z.enum(['Image', 'Registry', 'Global']),
  cacheDuration: duration.nullish(),
  auth: z.record(z.string(), z.object({ username: z.string(), password: z.string() })).nullish(),
});

/** What a plugin answered. */
export type CredentialResponse = z.infer<typeof response>;

/**
 * Runs a plugin once: a CredentialProviderRequest on its standard input, the answer on its standard output. Errors name the plugin, what it
 * did and what to look at, and hold nothing of what it printed on standard output, where secrets are.
 */
export async function askPlugin(
  { name, apiVersion, args, env }: CredentialProvider,
  binDir: string,
  image: string,
  signal: AbortSignal,
  limitMs = timeLimitMs,
): Promise<CredentialResponse> {
  const request = JSON.stringify({ apiVersion, kind: 'CredentialProviderRequest', image });
  const program = join(binDir, name);
  const answer = await run(name, program, args, { ...process.env, ...env }, request, signal, limitMs);
  return parseResponse(name, apiVersion, answer);
}

async function run(
  name: string,
  program: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  input: string,
  signal: AbortSignal,
  limitMs: number,
): Promise<string> {
  signal.throwIfAborted();
  const ended = Promise.withResolvers<number | string | null>();
  // In a process group of its own, so that what it started ends with it.
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const [output, errors]: [Buffer[], Buffer[]] = [[], []];
  let length = 0;
  const kill = () => {
    killGroup(child.pid);
    // What has left the group may hold them open for ever.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > longestAnswer) kill();
    else output.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  child.once('error', ended.reject);
  child.once('close', (code, killedBy) => ended.resolve(code ?? killedBy));
  child.stdin.on('error', () => undefined).end(input);
  const limit = AbortSignal.timeout(limitMs);
  const stop = AbortSignal.any([signal, limit]);
  stop.addEventListener('abort', kill, { once: true });
  const status = await ended.promise
    .catch((error: unknown) => {
      throw failure(name, PluginError.from(error).what, `put an executable of this name at ${program}`);
    })
    .finally(() => stop.removeEventListener('abort', kill));
  if (signal.aborted) throw new PluginError('CANCELLED', 'it was not waited for', { object: `credential provider plugin ${name}` });
  if (limit.aborted) throw failure(name, `it gave no answer within ${limitMs / 1000} s`, 'run it by hand to see what it waits for');
  if (length > longestAnswer) throw failure(name, 'its answer is longer than 1 MiB', 'let it print one CredentialProviderResponse alone');
  if (status !== 0) {
    const said = Buffer.concat(errors).toString().trim().slice(0, 500);
    throw failure(name, `it ended with ${status}${said && `: ${said}`}`, 'run it by hand with the same arguments and environment');
  }
  return Buffer.concat(output).toString();
}

function parseResponse(name: string, apiVersion: string, text: string): CredentialResponse {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // What JSON.parse says may quote a password.
    throw failure(name, 'its answer is no JSON', 'let it print one CredentialProviderResponse alone');
  }
  const result = response.safeParse(answer);
  if (!result.success) {
    const fields = result.error.issues.map(({ path, message }) => `${path.slice(0, 1).join('.') || 'document'}: ${message}`).join(', ');
    throw failure(name, `its answer is no CredentialProviderResponse: ${fields}`, 'mend the plugin');
  }
  if (result.data.apiVersion !== apiVersion) {
    throw failure(
      name,
      `it answered in ${result.data.apiVersion} to a request in ${apiVersion}`,
      'set apiVersion in its configuration to what it speaks',
    );
  }
  return result.data;
}

function failure(name: string, what: string, hint: string): PluginError {
  return new PluginError('FAILED_PRECONDITION', what, { object: `credential provider plugin ${name}`, hint });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
