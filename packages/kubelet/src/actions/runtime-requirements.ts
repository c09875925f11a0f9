import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { specOf } from '../pod.ts';
import type { RuntimeFeatures } from '../runtime/runtime-features.ts';
import type { ActionContext } from './action-context.ts';

/** What a pod asks of its runtime, and which feature that takes. */
interface Requirement {
  field: string;
  feature: keyof RuntimeFeatures;
  what: string;
}

/** Refuses a pod that asks for what its runtime hasn't got: FAILED_PRECONDITION with the field. A runtime is asked only of what the pod needs. */
export async function checkRuntimeFeatures({ pod, client, environment }: ActionContext, signal: AbortSignal): Promise<void> {
  const requirements = requirementsOf(pod);
  if (requirements.length === 0) return;
  const features = await environment.features.of(client, signal);
  for (const { field, feature, what } of requirements) {
    if (features[feature]) continue;
    throw new PluginError('FAILED_PRECONDITION', `the runtime doesn't have ${what}`, {
      object: field,
      hint: `use a RuntimeClass whose runtime tells of the feature ${feature}, or leave the field out`,
    });
  }
}

function requirementsOf(pod: Pod): Requirement[] {
  const { hostUsers, hostNetwork, securityContext } = specOf(pod);
  const userNamespace = hostUsers === false;
  const rules: [asked: boolean, Requirement][] = [
    [userNamespace, { field: 'spec.hostUsers', feature: 'userNamespaces', what: 'user namespaces' }],
    [
      userNamespace && hostNetwork === true,
      { field: 'spec.hostUsers', feature: 'userNamespacesHostNetwork', what: "user namespaces in the host's network" },
    ],
    [
      securityContext?.supplementalGroupsPolicy === 'Strict',
      {
        field: 'spec.securityContext.supplementalGroupsPolicy',
        feature: 'supplementalGroupsPolicy',
        what: 'the policy Strict for supplemental groups',
      },
    ],
  ];
  return rules.filter(([asked]) => asked).map(([, requirement]) => requirement);
}
