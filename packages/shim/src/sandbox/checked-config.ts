import { isAbsolute } from 'node:path';
import {
  type LinuxSandboxSecurityContext,
  NamespaceMode,
  type NamespaceOption,
  type PodSandboxConfig,
  type RunPodSandboxRequest,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { checkText } from '../check-text.ts';
import { checkIdentity } from '../container/check-security-context.ts';
import { checkResources } from '../container/resource-limits.ts';
import { checkRefusals } from '../refusals.ts';
import type { Shim } from '../shim.ts';
import { checkNetworkConfig } from './check-network-config.ts';
import { checkUserNamespace } from './user-namespace.ts';

/** The configuration of a request for this handler; throws INVALID_ARGUMENT for one that no sandbox could have. */
export function checkedConfig(shim: Shim, { config, runtimeHandler }: RunPodSandboxRequest): PodSandboxConfig {
  if (runtimeHandler !== '' && runtimeHandler !== shim.handler) {
    throw new PluginError('INVALID_ARGUMENT', `this server has no handler ${JSON.stringify(runtimeHandler)}`, {
      object: 'runtime_handler',
      hint: `use "${shim.handler}" or leave it empty`,
    });
  }
  const { name, namespace, uid } = config?.metadata ?? {};
  if (!config || !name || !namespace || !uid) {
    throw new PluginError('INVALID_ARGUMENT', 'name, namespace and uid are required', { object: 'config.metadata' });
  }
  if (!/^([\dA-Za-z][-.\w]{0,63})?$/.test(config.hostname)) {
    throw new PluginError('INVALID_ARGUMENT', `${JSON.stringify(config.hostname)} is no host name`, {
      object: 'config.hostname',
      hint: 'use at most 64 letters, digits, "-", "." and "_"',
    });
  }
  checkParts(config, shim, `pod ${namespace}/${name}`);
  return config;
}

function checkParts(config: PodSandboxConfig, shim: Shim, object: string): void {
  const { linux, windows, logDirectory } = config;
  checkText(config, object);
  if (windows) throw new PluginError('INVALID_ARGUMENT', 'windows: it is a pod of Linux', { object, hint: 'set linux' });
  checkLogDirectory(logDirectory, object);
  checkNetworkConfig(config, object);
  checkNamespaces(linux?.securityContext?.namespaceOptions, object);
  checkUserNamespace(linux?.securityContext?.namespaceOptions, object);
  checkUser(linux?.securityContext, object);
  checkCgroupParent(linux?.cgroupParent ?? '', object);
  checkSysctlNames(Object.keys(linux?.sysctls ?? {}), object);
  checkResources(linux?.resources, 'linux.resources', object);
  checkResources(linux?.overhead, 'linux.overhead', object);
  checkRefusals(config, shim.refusals, object);
}

/** Whom the sandbox's own process would run as, if the runtime has one: its containers say it for themselves. */
function checkUser(context: LinuxSandboxSecurityContext | undefined, object: string): void {
  if (!context) return;
  checkIdentity({ ...context, runAsUsername: '' }, object);
  if (!context.runAsGroup || context.runAsUser) return;
  throw new PluginError('INVALID_ARGUMENT', 'linux.security_context: run_as_group without run_as_user', { object });
}

/** A file below /proc/sys, its parts separated by dots or slashes (sysctl(8)). */
function checkSysctlNames(names: string[], object: string): void {
  const wrong = names.find((name) => !/^[\w-]+([./][\w-]+)+$/.test(name));
  if (wrong === undefined) return;
  throw new PluginError('INVALID_ARGUMENT', `linux.sysctls: ${JSON.stringify(wrong.slice(0, 100))} is no name of one`, {
    object,
    hint: 'write it as net.ipv4.ip_forward',
  });
}

/** Logs of its containers are written below it. */
function checkLogDirectory(directory: string, object: string): void {
  if (directory === '' || isAbsolute(directory)) return;
  throw new PluginError('INVALID_ARGUMENT', `log_directory ${JSON.stringify(directory.slice(0, 100))} is not absolute`, { object });
}

/** Throws INVALID_ARGUMENT for a parent outside of the cgroup hierarchy: cgroups of containers are made and removed below it. */
function checkCgroupParent(parent: string, object: string): void {
  if (parent.length <= 1000 && !parent.includes('\0') && !parent.split('/').includes('..')) return;
  throw new PluginError(
    'INVALID_ARGUMENT',
    `linux.cgroup_parent ${JSON.stringify(parent.slice(0, 100))} is no path below the cgroup root`,
    {
      object,
      hint: 'give a path without "..", such as /kubepods/podUID',
    },
  );
}

/** Network and IPC namespace are the sandbox's or the host's, and there is no container yet to be a target. */
function checkNamespaces({ network, pid, ipc }: Partial<NamespaceOption> = {}, object: string): void {
  const allowed: [field: string, mode: NamespaceMode | undefined, modes: NamespaceMode[]][] = [
    ['network', network, [NamespaceMode.POD, NamespaceMode.NODE]],
    ['pid', pid, [NamespaceMode.POD, NamespaceMode.CONTAINER, NamespaceMode.NODE]],
    ['ipc', ipc, [NamespaceMode.POD, NamespaceMode.NODE]],
  ];
  for (const [field, mode, modes] of allowed) {
    if (mode === undefined || modes.includes(mode)) continue;
    const name = Object.entries(NamespaceMode).find(([, number]) => number === mode)?.[0] ?? mode;
    throw new PluginError('INVALID_ARGUMENT', `linux.security_context.namespace_options.${field}: a sandbox can't have the mode ${name}`, {
      object,
    });
  }
}
