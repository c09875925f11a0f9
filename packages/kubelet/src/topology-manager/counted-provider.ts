import type { Container, Pod } from '@berth/api/objects';
import type { HintProvider } from './hint-provider.ts';

interface Count {
  /** Whether the container asks for anything that the provider hands out. */
  asks(pod: Pod, container: Container): boolean;
  tell(failed: boolean): void;
}

/** The provider, with each allocation that a container asks for counted. */
export function countedProvider(provider: HintProvider, { asks, tell }: Count): HintProvider {
  return {
    containerHints: (pod, container) => provider.containerHints(pod, container),
    podHints: (pod) => provider.podHints(pod),
    ...(provider.adopt && { adopt: (pod: Pod) => provider.adopt?.(pod) }),
    lacks: (pod, container) => provider.lacks(pod, container),
    allocate(pod, container, hint) {
      const refusal = provider.allocate(pod, container, hint);
      if (asks(pod, container)) tell(refusal !== undefined);
      return refusal;
    },
    release: (uid) => provider.release(uid),
    holders: () => provider.holders(),
  };
}
