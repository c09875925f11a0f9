import { expectEqual, expectSame, expectTrue, present } from '../../expect.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { sinceRelease } from '../expect.ts';
import { image, imageContents, security } from '../needs.ts';
import { expectContainerRefused, under } from '../security-context.ts';
import type { CriTarget } from '../target.ts';

/** Whom a container runs as. */
export const userCases: Case<CriTarget>[] = [
  {
    id: 'security.run-as-user',
    group: 'security',
    clause: 'run_as_user is the user id of the process (cri.proto, LinuxContainerSecurityContext.run_as_user)',
    proves: ['LinuxContainerConfig.security_context', 'LinuxContainerSecurityContext.run_as_user', 'Int64Value.value'],
    needs: [security],
    async run(target, signal) {
      expectEqual(await under(target, signal, { runAsUser: { value: 4567 } }, 'id -u'), '4567', 'user id');
    },
  },
  {
    id: 'security.run-as-root',
    group: 'security',
    clause: 'run_as_user of 0 is root, and not the same as none (cri.proto, Int64Value)',
    proves: ['Int64Value.value', 'LinuxContainerSecurityContext.run_as_user'],
    needs: [security, imageContents, image('configured')],
    async run(target, signal) {
      const config = { image: { image: await target.image('configured') }, linux: { securityContext: { runAsUser: { value: 0 } } } };
      expectEqual(await target.script('id -u', signal, config), '0', 'user id');
    },
  },
  {
    id: 'security.run-as-group',
    group: 'security',
    clause: 'run_as_group is the group id of the process (cri.proto, LinuxContainerSecurityContext.run_as_group)',
    proves: ['LinuxContainerSecurityContext.run_as_group'],
    needs: [security],
    async run(target, signal) {
      const context = { runAsUser: { value: 1000 }, runAsGroup: { value: 2345 } };
      expectEqual(await under(target, signal, context, 'echo "$(id -u):$(id -g)"'), '1000:2345', 'user and group');
    },
  },
  {
    id: 'security.group-without-user',
    group: 'security',
    clause: 'run_as_group alone must be refused (cri.proto, LinuxContainerSecurityContext.run_as_group)',
    proves: ['LinuxContainerSecurityContext.run_as_group'],
    async run(target) {
      await expectContainerRefused(target, { runAsGroup: { value: 2345 } }, 'run_as_group without a user');
    },
  },
  {
    id: 'security.run-as-username',
    group: 'security',
    clause: "run_as_username is looked up in the image's /etc/passwd (cri.proto, LinuxContainerSecurityContext.run_as_username)",
    proves: ['LinuxContainerSecurityContext.run_as_username'],
    needs: [security, imageContents],
    async run(target, signal) {
      expectEqual(await under(target, signal, { runAsUsername: 'app' }, 'echo "$(id -u):$(id -g)"'), '1000:1000', 'user and group');
    },
  },
  {
    id: 'security.unknown-username',
    group: 'security',
    clause: 'a run_as_username that the image lacks must be refused (cri.proto, LinuxContainerSecurityContext.run_as_username)',
    proves: ['LinuxContainerSecurityContext.run_as_username'],
    needs: [security, imageContents],
    async run(target) {
      await expectContainerRefused(target, { runAsUsername: 'nobody-of-that-name' }, 'an unknown user name');
    },
  },
  {
    id: 'security.supplemental-groups',
    group: 'security',
    clause: 'supplemental_groups are groups of the process beside its own (cri.proto, LinuxContainerSecurityContext.supplemental_groups)',
    proves: ['LinuxContainerSecurityContext.supplemental_groups'],
    needs: [security],
    async run(target, signal) {
      const groups = await under(target, signal, { runAsUser: { value: 1000 }, supplementalGroups: [3001, 3002] }, 'id -G');
      for (const group of ['3001', '3002']) expectTrue(groups.split(' ').includes(group), `group ${group} is missing: ${groups}`);
    },
  },
  {
    id: 'security.groups-strict',
    group: 'security',
    clause: "Strict takes no groups from the image's /etc/group (cri.proto, SupplementalGroupsPolicy)",
    proves: [
      'LinuxContainerSecurityContext.supplemental_groups_policy',
      'SupplementalGroupsPolicy.Strict',
      'RuntimeFeatures.supplemental_groups_policy',
    ],
    needs: [security],
    async run(target, signal) {
      sinceRelease(target, '0.31', 'supplemental_groups_policy');
      const { features } = await target.client.Status({});
      if (features?.supplementalGroupsPolicy !== true) throw new SkipCase('the server says that it has no supplemental_groups_policy');
      const context = { runAsUser: { value: 1000 }, runAsGroup: { value: 2345 }, supplementalGroupsPolicy: 'Strict' as const };
      expectEqual(await under(target, signal, context, 'id -G'), '2345', 'groups');
    },
  },
  {
    id: 'security.groups-unknown-policy',
    group: 'security',
    clause: 'an unknown supplemental_groups_policy must be refused (cri.proto, LinuxContainerSecurityContext.supplemental_groups_policy)',
    proves: ['LinuxContainerSecurityContext.supplemental_groups_policy'],
    async run(target) {
      sinceRelease(target, '0.31', 'supplemental_groups_policy');
      await expectContainerRefused(target, { supplementalGroupsPolicy: 99 }, 'an unknown policy');
    },
  },
  {
    id: 'security.status-user',
    group: 'security',
    clause: 'ContainerStatus tells whom the first process runs as (cri.proto, ContainerStatus.user)',
    proves: [
      'ContainerStatus.user',
      'ContainerUser.linux',
      'LinuxContainerUser.uid',
      'LinuxContainerUser.gid',
      'LinuxContainerUser.supplemental_groups',
    ],
    needs: [security],
    async run(target) {
      sinceRelease(target, '0.31', 'ContainerStatus.user');
      const securityContext = { runAsUser: { value: 1000 }, runAsGroup: { value: 2345 }, supplementalGroups: [3001] };
      await target.withContainer({ linux: { securityContext } }, async (container) => {
        await container.start();
        const user = present((await container.status()).user?.linux, 'user.linux');
        expectSame([user.uid, user.gid], ['1000', '2345'], 'uid and gid');
        expectTrue(user.supplementalGroups.includes('3001'), `supplemental_groups lacks 3001: ${user.supplementalGroups.join(', ')}`);
      });
    },
  },
];
