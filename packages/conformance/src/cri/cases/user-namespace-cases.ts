import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectEqual, expectMatch } from '../../expect.ts';
import { expectRefused, unlessRefused } from '../../refusals.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { sinceRelease } from '../expect.ts';
import type { IdMapping } from '../messages.ts';
import { isolation, mounts, sameHost } from '../needs.ts';
import type { TestPod } from '../pod.ts';
import { type CriTarget, podNamespaces } from '../target.ts';

const mapping: IdMapping = { hostId: 720_896, containerId: 0, length: 65_536 };
const usernsOptions = { mode: 'POD' as const, uids: [mapping], gids: [mapping] };
const securityContext = { namespaceOptions: { ...podNamespaces, usernsOptions } };

async function hasUserNamespaces(target: CriTarget): Promise<boolean> {
  sinceRelease(target, '0.30', 'RuntimeHandlerFeatures.user_namespaces');
  const { runtimeHandlers } = await target.client.Status({});
  return runtimeHandlers.find(({ name }) => name === (target.options.handler ?? ''))?.features?.userNamespaces === true;
}

async function skipWithoutFeature(target: CriTarget): Promise<void> {
  if (!(await hasUserNamespaces(target))) throw new SkipCase('the handler says that it has no user namespaces');
}

function withUserNamespace<Result>(target: CriTarget, work: (pod: TestPod) => Promise<Result>): Promise<Result> {
  return target.withPod({ linux: { securityContext } }, work);
}

/** Pods whose root is nobody on the node. */
export const userNamespaceCases: Case<CriTarget>[] = [
  {
    id: 'userns.mapping',
    group: 'userns',
    clause: 'users of the pod are mapped as asked for where the handler has user namespaces, else it is refused (cri.proto, UserNamespace)',
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
    needs: [isolation],
    async run(target) {
      const run = (): Promise<string> =>
        withUserNamespace(target, async (pod) => {
          const container = await pod.start();
          return container.script('cat /proc/self/uid_map /proc/self/gid_map; id -u; touch /own && stat -c %u:%g /own');
        });
      if (!(await hasUserNamespaces(target))) return expectRefused(run(), 'a user namespace without the feature');
      const expected = /^\s*0 +720896 +65536\n\s*0 +720896 +65536\n0\n0:0$/;
      expectMatch(await run(), expected, 'maps of users and groups, user, and owner of a new file');
    },
  },
  {
    id: 'userns.idmapped-volume',
    group: 'userns',
    clause:
      'with uidMappings and gidMappings, files of a volume keep their owners on disk, or the mount is refused (cri.proto, Mount.uidMappings)',
    proves: ['Mount.uidMappings', 'Mount.gidMappings'],
    needs: [isolation, mounts, sameHost],
    async run(target) {
      await skipWithoutFeature(target);
      const hostPath = mkdtempSync(join(tmpdir(), 'berth-volume-'));
      chmodSync(hostPath, 0o755);
      try {
        await withUserNamespace(target, async (pod) => {
          const volume = { containerPath: '/volume', hostPath, uidMappings: [mapping], gidMappings: [mapping] };
          const started = await unlessRefused(pod.start({ mounts: [volume] }));
          if (!started) return;
          await started.script('touch /volume/made');
          const { uid, gid } = statSync(join(hostPath, 'made'));
          expectEqual(`${uid}:${gid}`, '0:0', 'owner on disk of a file that root of the pod has made');
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
    needs: [isolation],
    async run(target) {
      await skipWithoutFeature(target);
      await withUserNamespace(target, async (pod) => {
        const other = [{ ...mapping, hostId: 2_000_000 }];
        const namespaceOptions = { ...podNamespaces, usernsOptions: { mode: 'POD' as const, uids: other, gids: other } };
        await expectRefused(pod.start({ linux: { securityContext: { namespaceOptions } } }), 'other ids');
      });
    },
  },
];
