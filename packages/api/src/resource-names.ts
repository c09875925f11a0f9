import { checkQualifiedName } from './names.ts';

/**
 * Whether a resource is one that devices can be: outside the kubernetes.io domain, `vendor.example/name`. The name has to do for a quota, too, which puts
 * `requests.` before it (kubernetes:pkg/apis/core/v1/helper, IsExtendedResourceName).
 */
export function isExtendedResourceName(name: string): boolean {
  return (
    name.includes('/') &&
    !name.includes('kubernetes.io/') &&
    !name.startsWith('requests.') &&
    checkQualifiedName(`requests.${name}`).length === 0
  );
}
