import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Case, SkipCase } from '../../suite.ts';
import { expectEqual, expectMatch, expectRefused, sinceRelease } from '../expect.ts';
import type { Mount } from '../messages.ts';
import { mounts, namespaces, network, propagation } from '../needs.ts';
import type { TestPod } from '../pod.ts';
import { type CriTarget, podNamespaces } from '../target.ts';

const ids = [{ containerId: 0, hostId: 1_000_000, length: 65_536 }];

/** Runs `work` in a pod with a user namespace; skipped where the handler doesn't tell the feature. */
async function withUserNamespace<Result>(target: CriTarget, work: (pod: TestPod) => Promise<Result>): Promise<Result> {
  sinceRelease(target, '0.30', 'user_namespaces');
  const { runtimeHandlers } = await target.client.Status({});
  const handler = runtimeHandlers.find(({ name }) => name === (target.options.handler ?? ''));
  if (!handler?.features?.userNamespaces) throw new SkipCase('the handler does not tell the feature user_namespaces');
  const usernsOptions = { mode: 'POD' as const, uids: ids, gids: ids };
  return target.withPod({ linux: { securityContext: { namespaceOptions: { ...podNamespaces, usernsOptions } } } }, work);
}

/** Users of a pod that are nobody outside. */
export const userNamespaceCases: Case<CriTarget>[] = [
  {
    id: 'userns.mapping',
    group: 'userns',
    clause: "POD: the pod's ids are those of the host that uids and gids say, and its files are its own (cri.proto, UserNamespace)",
    proves: [
      'NamespaceOption.userns_options',
      'UserNamespace.mode',
      'UserNamespace.uids',
      'UserNamespace.gids',
      'IDMapping.host_id',
      'IDMapping.container_id',
      'IDMapping.length',
      'RuntimeHandlerFeatures.user_namespaces',
    ],
    needs: [namespaces, network],
    async run(target) {
      await withUserNamespace(target, async (pod) => {
        const container = await pod.start();
        expectMatch(await container.script('cat /proc/self/uid_map /proc/self/gid_map'), /^(\s*0\s+1000000\s+65536\s*){2}$/, 'maps');
        expectEqual(await container.script('touch /file && [ -O /file ] && [ -O /bin/sh ] && echo own'), 'own', 'files of its root');
      });
    },
  },
  {
    id: 'userns.idmapped-volume',
    group: 'userns',
    clause: 'uidMappings and gidMappings of a mount keep the ids on disk as the pod sees them (cri.proto, Mount.uidMappings)',
    proves: ['Mount.uidMappings', 'Mount.gidMappings'],
    needs: [namespaces, network, mounts, propagation],
    async run(target) {
      const hostPath = mkdtempSync(join(tmpdir(), 'conformance-userns-'));
      try {
        await withUserNamespace(target, async (pod) => {
          const mount: Mount = { containerPath: '/volume', hostPath, uidMappings: ids, gidMappings: ids };
          await (await pod.start({ mounts: [mount] })).script('touch /volume/file');
          expectEqual(statSync(join(hostPath, 'file')).uid, 0, 'owner on the host');
        });
      } finally {
        rmSync(hostPath, { recursive: true, force: true });
      }
    },
  },
  {
    id: 'userns.other-mapping',
    group: 'userns',
    clause: "a container that names other ids than its pod's is refused (cri.proto, UserNamespace.uids)",
    proves: ['UserNamespace.uids'],
    needs: [namespaces, network],
    async run(target) {
      await withUserNamespace(target, async (pod) => {
        const other = [{ containerId: 0, hostId: 2_000_000, length: 65_536 }];
        const namespaceOptions = { ...podNamespaces, usernsOptions: { mode: 'POD' as const, uids: other, gids: other } };
        await expectRefused(pod.start({ linux: { securityContext: { namespaceOptions } } }), 'other ids');
      });
    },
  },
];
