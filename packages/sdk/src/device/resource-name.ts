import { isExtendedResourceName } from '@berth/api/resource-names';
import { PluginError } from '../errors.ts';
import { quoted } from '../quoted.ts';

/** INVALID_ARGUMENT for the name of a resource that devices can't be; `object` is who gives it. */
export function checkResourceName(resourceName: string, object: string): void {
  if (isExtendedResourceName(resourceName)) return;
  throw new PluginError('INVALID_ARGUMENT', `the resource name ${quoted(resourceName)} is not that of an extended resource`, {
    object,
    hint: 'write vendor.example/name: a domain of yours, not one of kubernetes.io, and up to 63 letters, digits, "-", "_" and "."',
  });
}
