import type { Container, Pod } from '@berth/api/objects';
import type { Image } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { mergedSecurityContext } from '../cri/security-context.ts';

/** Refuses a container that would run as root although its runAsNonRoot forbids it, or of which that can't be told. */
export function checkNonRoot(pod: Pod, container: Container, image: Image | undefined): void {
  const { runAsNonRoot, runAsUser } = mergedSecurityContext(pod, container);
  if (!runAsNonRoot) return;
  const uid = runAsUser ?? (image?.uid === undefined ? undefined : Number(image.uid.value));
  if (uid !== undefined && uid !== 0) return;
  const object = `container ${container.name}`;
  const hint = 'set securityContext.runAsUser to a number other than 0';
  if (runAsUser === 0) throw new PluginError('FAILED_PRECONDITION', "container's runAsUser breaks non-root policy", { object, hint });
  if (uid === undefined && image?.username) {
    throw new PluginError('FAILED_PRECONDITION', `container has runAsNonRoot and image has non-numeric user (${image.username})`, {
      object,
      hint,
    });
  }
  throw new PluginError('FAILED_PRECONDITION', 'container has runAsNonRoot and image will run as root', { object, hint });
}
