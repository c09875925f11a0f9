import { checkQualifiedName } from '../names.ts';
import type { ResourceRequirements } from '../objects.ts';
import { Quantity } from '../quantity.ts';
import { isExtendedResourceName } from '../resource-names.ts';
import { type FieldError, forbidden, invalid, invalidFor, required } from './field-error.ts';

type ResourceList = NonNullable<ResourceRequirements['limits']>;

const standardResources = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** Requests and limits of a container: names, whole numbers where nothing else makes sense, and requests within limits. */
export function validateResources({ limits = {}, requests = {} }: ResourceRequirements, path: string): FieldError[] {
  return [
    ...validateResourceList(limits, `${path}.limits`),
    ...validateResourceList(requests, `${path}.requests`),
    ...Object.entries(requests).flatMap(([name, request]) => validateRequest(name, request, limitOf(name, limits), path)),
    ...(needsCpuOrMemory({ ...limits, ...requests }) ? [forbidden(path, 'HugePages require cpu or memory')] : []),
  ];
}

/** Amounts by resource name, each zero or more. */
export function validateResourceList(resources: ResourceList, path: string): FieldError[] {
  return Object.entries(resources).flatMap(([name, amount]) => {
    const quantity = Quantity.parse(amount);
    return [
      ...invalidFor(`${path}[${name}]`, name, checkResourceName(name)),
      ...(quantity.compare(Quantity.zero) < 0 ? [invalid(`${path}[${name}]`, quantity, 'must be greater than or equal to 0')] : []),
      ...(isExtendedResourceName(name) && quantity.milliValue() % 1000n !== 0n
        ? [invalid(`${path}[${name}]`, quantity, 'must be an integer')]
        : []),
    ];
  });
}

/** A resource may be called as what every object has: `toString`. */
function limitOf(name: string, limits: ResourceList): ResourceList[string] | undefined {
  return Object.hasOwn(limits, name) ? limits[name] : undefined;
}

function validateRequest(name: string, request: string | number, limit: string | number | undefined, path: string): FieldError[] {
  const overcommitable = !isExtendedResourceName(name) && !isHugePages(name);
  if (limit === undefined) return overcommitable ? [] : [required(`${path}.limits`, 'Limit must be set for non overcommitable resources')];
  const quantity = Quantity.parse(request);
  const order = quantity.compare(Quantity.parse(limit));
  if (!overcommitable && order !== 0)
    return [invalid(`${path}.requests`, quantity, `must be equal to ${name} limit of ${Quantity.parse(limit)}`)];
  return order > 0
    ? [invalid(`${path}.requests`, quantity, `must be less than or equal to ${name} limit of ${Quantity.parse(limit)}`)]
    : [];
}

function checkResourceName(name: string): string[] {
  const problems = checkQualifiedName(name);
  if (problems.length > 0) return problems;
  return name.includes('/') || standardResources.has(name) || isHugePages(name) ? [] : ['must be a standard resource for containers'];
}

function needsCpuOrMemory(resources: ResourceList): boolean {
  return Object.keys(resources).some(isHugePages) && !('cpu' in resources) && !('memory' in resources);
}

function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-');
}
