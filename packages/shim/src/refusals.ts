import { NamespaceMode, type UserNamespace } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { hasCdiNames } from './oci/cdi/names.ts';
import type { Refusal } from './runtime.ts';

const userNamespaces = 'user namespaces are not supported';
const cdiDevices = 'CDI devices are not supported';
const targetContainers = 'joining the namespaces of another container is not supported';

/** What this server does for a runtime only if that says that it can do its part. */
export const shimRefusals: Refusal[] = [
  { field: 'mounts[].image', reason: 'image volumes are not supported' },
  { field: 'mounts[].recursive_read_only', reason: 'recursive read-only mounts are not supported' },
  { field: 'mounts[].uid_mappings', reason: userNamespaces },
  { field: 'CDI_devices', reason: cdiDevices },
  { field: 'annotations', reason: cdiDevices, when: (annotations) => hasCdiNames(annotations as Record<string, string>) },
  {
    field: 'linux.security_context.namespace_options.userns_options',
    reason: userNamespaces,
    // Any other mode asks for isolation, even where it maps nothing.
    when: (options) => options !== undefined && (options as UserNamespace).mode !== NamespaceMode.NODE,
  },
  {
    field: 'linux.security_context.namespace_options.pid',
    reason: targetContainers,
    when: (mode) => mode === NamespaceMode.TARGET,
  },
  { field: 'linux.security_context.namespace_options.target_id', reason: targetContainers },
];

/** Throws INVALID_ARGUMENT, naming the field, if `config` asks for anything that is refused. `object` names who asks. */
export function checkRefusals(config: object, refusals: Refusal[], object: string): void {
  for (const { field, reason, when = isSet } of refusals) {
    if (isAsked(config, field.split('.'), when))
      throw new PluginError('INVALID_ARGUMENT', `${field}: ${reason}`, { object, hint: 'leave the field out, or choose another runtime' });
  }
}

/** Whether the field at `path` (proto names; `[]` for every item of a list) is `refused`; a missing message has no fields. */
function isAsked(value: unknown, path: string[], refused: (value: unknown) => boolean): boolean {
  const [head, ...rest] = path;
  if (head === undefined) return refused(value);
  if (value === undefined || value === null) return false;
  const field = (value as Record<string, unknown>)[camelCase(head.replace('[]', ''))];
  if (head.endsWith('[]')) return Array.isArray(field) && field.some((item) => isAsked(item, rest, refused));
  return isAsked(field, rest, refused);
}

/** Whether a value is other than the default of its type. */
function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** Field names as ts-proto makes them: `CDI_devices` -> `CDIDevices`. */
function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
