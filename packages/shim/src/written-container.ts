import { join } from 'node:path';
import type { IDMapping } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { type Container, type ContainerRecord, containerFromRecord, describeContainer } from './container/container.ts';
import { ShimDirectories } from './directories.ts';
import { namesIn } from './files/names-in.ts';
import type { WrittenContainer } from './image/commit/commit.ts';
import { mountTargets } from './image/commit/mount-targets.ts';
import type { Owner } from './image/commit/upper-layer.ts';
import { readObject } from './object-files.ts';
import { type Sandbox, type SandboxRecord, sandboxFromRecord } from './sandbox/sandbox.ts';
import { type IdMappings, userNamespaceOf } from './sandbox/user-namespace.ts';

interface RecordedContainer {
  handler: string;
  container: Container;
  sandbox: Sandbox;
}

/** Who the kernel shows for an owner that a user namespace doesn't map (/proc/sys/kernel/overflowuid). */
const nobody = 65534;

/**
 * What a container of any handler below `root` has written above its image, from the records of its shim, which needn't run.
 * `reference` is `POD/CONTAINER`, `NAMESPACE/POD/CONTAINER`, `POD` where that has one container, or the start of a container's
 * id. Of a container that was started again the last one counts. FAILED_PRECONDITION where a runtime keeps that elsewhere.
 */
export async function findWrittenContainer(root: string, reference: string, namespace: string): Promise<WrittenContainer> {
  const { handler, container, sandbox } = chosen(await recordedContainers(root), reference, namespace);
  const object = describeContainer(container);
  const { rootfs, imageId, mounts } = container.record;
  if (!rootfs) {
    throw new PluginError('FAILED_PRECONDITION', `runtime ${handler} gives its containers no layers on this host to write to`, {
      object,
      hint: 'commit containers of runc, vm or sentry',
    });
  }
  const { upper, lowers } = rootfs;
  const ownerInside = ownersInside(userNamespaceOf(sandbox.config));
  const left = mountTargets(
    { upper, lowers, ownerInside },
    mounts.map(({ destination }) => destination),
  );
  return { object, imageId, layer: { directory: upper, isLeftOut: (path) => left.has(path), ownerInside } };
}

async function recordedContainers(root: string): Promise<RecordedContainer[]> {
  const found: RecordedContainer[] = [];
  for (const handler of await namesIn(join(root, 'runtimes'))) {
    const { containers, sandboxes } = new ShimDirectories(root, '', handler);
    for (const id of await namesIn(containers)) {
      const record = await readObject<ContainerRecord>(containers, id, 'container');
      const ofSandbox = record && (await readObject<SandboxRecord>(sandboxes, record.sandboxId, 'sandbox'));
      if (!ofSandbox || record.phase === 'creating') continue;
      found.push({ handler, container: containerFromRecord(id, record), sandbox: sandboxFromRecord(record.sandboxId, ofSandbox) });
    }
  }
  return found.toSorted((a, b) => b.container.record.createdAt - a.container.record.createdAt);
}

function chosen(recorded: RecordedContainer[], reference: string, namespace: string): RecordedContainer {
  const byId = recorded.filter(({ container }) => /^[0-9a-f]+$/.test(reference) && container.id.startsWith(reference));
  const matching = byId.length > 0 ? byId : recorded.filter(isNamed(reference, namespace));
  const names = [...new Set(matching.map(nameOf))];
  const [last] = matching;
  if (last && names.length === 1 && byId.length < 2) return last;
  const object = `container ${reference}`;
  if (last)
    throw new PluginError('INVALID_ARGUMENT', `it may be ${names.join(' or ')}`, {
      object,
      hint: 'write POD/CONTAINER, or more of the id',
    });
  throw new PluginError('NOT_FOUND', 'there is no such container on this node', {
    object,
    hint: 'write POD/CONTAINER as "berth ps -o wide" lists them, with -n NAMESPACE, or the id of a container',
  });
}

function isNamed(reference: string, namespace: string): (recorded: RecordedContainer) => boolean {
  const parts = reference.split('/');
  const [inNamespace, pod, name] = parts.length === 3 ? parts : [namespace, ...parts];
  return ({ container, sandbox: { config } }) =>
    config.metadata?.namespace === inNamespace &&
    config.metadata?.name === pod &&
    (name === undefined || container.config.metadata?.name === name);
}

function nameOf({ container, sandbox: { config } }: RecordedContainer): string {
  return `${config.metadata?.namespace}/${config.metadata?.name}/${container.config.metadata?.name}`;
}

function ownersInside(mappings: IdMappings | undefined): (owner: Owner) => Owner {
  if (!mappings) return ({ uid, gid }) => ({ uid, gid });
  return ({ uid, gid }) => ({ uid: idInside(uid, mappings.uids), gid: idInside(gid, mappings.gids) });
}

function idInside(id: number, ranges: IDMapping[]): number {
  const range = ranges.find(({ hostId, length }) => id >= hostId && id < hostId + length);
  return range ? range.containerId + id - range.hostId : nobody;
}
