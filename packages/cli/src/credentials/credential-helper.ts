import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { PluginError } from '@berth/sdk/errors';
import type { RegistryLogin } from './docker-config.ts';

/** Helpers ask key rings and clouds: no person waits longer. */
const helperLimitMs = 30_000;

/**
 * Asks `docker-credential-NAME` (docker-credential-helpers, "get": the registry on standard input, JSON on standard output). Undefined if it
 * knows none for this registry. A helper that takes longer than `limitMs` is killed.
 */
export async function credentialHelper(name: string, domain: string, limitMs = helperLimitMs): Promise<RegistryLogin | undefined> {
  const program = `docker-credential-${name}`;
  if (!/^[\w.-]+$/.test(name)) throw failed(program, 'its name has characters that no program has');
  const signal = AbortSignal.timeout(limitMs);
  const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'ignore'], signal, killSignal: 'SIGKILL' });
  try {
    child.stdin.on('error', () => undefined).end(domain === 'docker.io' ? 'https://index.docker.io/v1/' : domain);
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    if (code !== 0) {
      // Protocol: this message and a status that isn't 0.
      if (said.includes('credentials not found')) return undefined;
      throw failed(program, `it ended with status ${code}`);
    }
    const { Username = '', Secret = '' } = JSON.parse(said) as { Username?: string; Secret?: string };
    return Username === '<token>' ? { identityToken: Secret } : { username: Username, password: Secret };
  } catch (error) {
    if (error instanceof PluginError) throw error;
    if (signal.aborted) {
      // A program that the helper started may keep it open.
      child.stdout.destroy();
      throw failed(program, `it didn't answer within ${limitMs / 1000} s`);
    }
    // What it printed may hold a secret.
    throw failed(program, error instanceof SyntaxError ? 'it printed no JSON' : (error as Error).message);
  }
}

function failed(program: string, what: string): PluginError {
  return new PluginError('FAILED_PRECONDITION', what, {
    object: `credential helper ${program}`,
    hint: 'install it, or give the credentials by --creds',
  });
}
