import { createHash } from 'node:crypto';
import type { Container } from '@berth/api/objects';

/** Tells definitions of a container apart that can't be changed while it runs: as with kubelet, its name and its image. */
export function definitionHash({ name, image = '' }: Container): string {
  return createHash('sha256')
    .update(JSON.stringify([name, image]))
    .digest('hex')
    .slice(0, 8);
}
