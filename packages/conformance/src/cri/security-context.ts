import { expectRefused } from '../refusals.ts';
import type { ContainerSecurityContext } from './messages.ts';
import type { CriTarget } from './target.ts';

/** What a script prints under a security context. */
export function under(target: CriTarget, signal: AbortSignal, securityContext: ContainerSecurityContext, script: string): Promise<string> {
  return target.script(script, signal, { linux: { securityContext } });
}

/** A container with this security context can't be made, or not be started. */
export async function expectContainerRefused(target: CriTarget, securityContext: ContainerSecurityContext, what: string): Promise<void> {
  await expectRefused(
    target.withContainer({ linux: { securityContext } }, (container) => container.start()),
    what,
  );
}
