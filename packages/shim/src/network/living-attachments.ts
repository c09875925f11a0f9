import type { AttachmentName } from '@berth/sdk/cni/runner';
import { isNamespaceFile } from '@berth/sdk/namespace-file';
import type { ShimDirectories } from '../directories.ts';
import { readObject } from '../object-files.ts';
import type { SandboxRecord } from '../sandbox/sandbox.ts';
import { podInterface } from './pod-interface.ts';

/**
 * The attachments of all handlers' pods whose network namespaces are there: theirs are the networks that all shims below one root share.
 * A reboot ends namespaces, and leaves records. Throws where a directory or a record can't be read: its pod might be alive.
 */
export async function livingAttachments(directories: Pick<ShimDirectories, 'sandboxesOfAllHandlers'>): Promise<AttachmentName[]> {
  const living: AttachmentName[] = [];
  for (const { directory, id } of directories.sandboxesOfAllHandlers()) {
    // None where it was removed meanwhile, or never begun.
    const record = await readObject<Pick<SandboxRecord, 'namespaces'>>(directory, id, 'sandbox');
    if (isNamespaceFile(record?.namespaces.network ?? '')) living.push({ containerId: id, ifName: podInterface });
  }
  return living;
}
