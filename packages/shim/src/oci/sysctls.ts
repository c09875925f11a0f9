import { PluginError } from '@berth/sdk/errors';
import type { SandboxSpec } from '../runtime.ts';
import type { NamespaceKind } from '../sandbox/namespace-names.ts';
import { describeSandbox } from '../sandbox/sandbox.ts';

/** Kernel parameters of which each namespace has values of its own (namespaces(7), ipc_namespaces(7), the kernel's sysctl/net.rst). */
const ofNamespaces: [kind: NamespaceKind, names: RegExp][] = [
  ['network', /^net\./],
  ['ipc', /^(kernel\.(sem|shm\w+|msg\w+)|fs\.mqueue\.\w+)$/],
  ['uts', /^kernel\.domainname$/],
];

/** Throws INVALID_ARGUMENT for sysctls that would change the host: those of no namespace, and of one that the pod shares with it. */
export function checkSysctls({ id, config, namespaces }: SandboxSpec): void {
  const object = describeSandbox({ id, config });
  for (const name of Object.keys(config.linux?.sysctls ?? {})) {
    const kind = ofNamespaces.find(([, names]) => names.test(name.replaceAll('/', '.')))?.[0];
    if (kind !== undefined && namespaces[kind] !== undefined) continue;
    const why = kind === undefined ? 'no namespace has a value of its own of it' : `the pod uses the host's ${kind} namespace`;
    throw new PluginError('INVALID_ARGUMENT', `linux.sysctls: ${name.slice(0, 100)} would be set for the whole host, since ${why}`, {
      object,
      hint: 'set it on the host, or leave it out',
    });
  }
}
