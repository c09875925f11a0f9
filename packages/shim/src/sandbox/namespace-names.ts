import type { SandboxSpec } from '../runtime.ts';

export type NamespaceKind = keyof SandboxSpec['namespaces'];

/** As unshare(1)'s options and /proc/PID/ns have them. */
export const namespaceNames: Record<NamespaceKind, string> = { user: 'user', network: 'net', ipc: 'ipc', uts: 'uts' };
