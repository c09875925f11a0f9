import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectEqual, expectMatch, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { sinceRelease } from '../expect.ts';
import type { ContainerSecurityContext } from '../messages.ts';
import { privileged, security } from '../needs.ts';
import { expectContainerRefused, under } from '../security-context.ts';
import { type CriTarget, podNamespaces } from '../target.ts';

const effectiveCapabilities = 'grep ^CapEff /proc/self/status | cut -f2';
const capability = { chown: 0n, netRaw: 13n, sysAdmin: 21n, netAdmin: 12n, killing: 5n } as const;

async function capabilities(
  target: CriTarget,
  signal: AbortSignal,
  securityContext: ContainerSecurityContext,
): Promise<(bit: bigint) => boolean> {
  const set = BigInt(`0x${await under(target, signal, securityContext, effectiveCapabilities)}`);
  return (bit) => ((set >> bit) & 1n) === 1n;
}

/** What a container may do. */
export const securityCases: Case<CriTarget>[] = [
  {
    id: 'security.readonly-rootfs',
    group: 'security',
    clause: 'with readonly_rootfs the root file system can not be written (cri.proto, LinuxContainerSecurityContext.readonly_rootfs)',
    proves: ['LinuxContainerSecurityContext.readonly_rootfs'],
    needs: [security],
    async run(target, signal) {
      const output = await under(target, signal, { readonlyRootfs: true }, 'touch /file 2>&1 && echo written || echo refused');
      expectMatch(output, /Read-only file system[\s\S]*refused/, 'writing to /');
    },
  },
  {
    id: 'security.writable-rootfs',
    group: 'security',
    clause:
      'without it what is written stays in the container, and no other sees it (cri.proto, LinuxContainerSecurityContext.readonly_rootfs)',
    proves: ['LinuxContainerSecurityContext.readonly_rootfs'],
    needs: [security],
    async run(target, signal) {
      expectEqual(await target.script('echo mine > /own-file; cat /own-file', signal), 'mine', 'what was written');
      expectEqual(await target.script('test -e /own-file && echo there || echo absent', signal), 'absent', 'the file in another container');
    },
  },
  {
    id: 'security.default-capabilities',
    group: 'security',
    clause: 'a container has an ordinary set of capabilities: CHOWN, not SYS_ADMIN (cri.proto, LinuxContainerSecurityContext.capabilities)',
    proves: ['LinuxContainerSecurityContext.capabilities'],
    needs: [security],
    async run(target, signal) {
      const has = await capabilities(target, signal, {});
      expectTrue(has(capability.chown), 'CAP_CHOWN is missing');
      expectTrue(!has(capability.sysAdmin), 'CAP_SYS_ADMIN is there');
    },
  },
  {
    id: 'security.add-capability',
    group: 'security',
    clause: 'add_capabilities adds to the default set (cri.proto, Capability.add_capabilities)',
    proves: ['Capability.add_capabilities'],
    needs: [security],
    async run(target, signal) {
      const has = await capabilities(target, signal, { capabilities: { addCapabilities: ['NET_ADMIN'] } });
      expectTrue(has(capability.netAdmin) && has(capability.chown), 'CAP_NET_ADMIN or a default one is missing');
    },
  },
  {
    id: 'security.drop-capability',
    group: 'security',
    clause: 'drop_capabilities takes out of the default set (cri.proto, Capability.drop_capabilities)',
    proves: ['Capability.drop_capabilities'],
    needs: [security],
    async run(target, signal) {
      const has = await capabilities(target, signal, { capabilities: { dropCapabilities: ['CHOWN'] } });
      expectTrue(!has(capability.chown) && has(capability.killing), 'CAP_CHOWN is there, or CAP_KILL is gone too');
    },
  },
  {
    id: 'security.drop-all-capabilities',
    group: 'security',
    clause: 'with ALL among drop_capabilities only what is added remains (cri.proto, Capability.drop_capabilities)',
    proves: ['Capability.drop_capabilities'],
    needs: [security],
    async run(target, signal) {
      const has = await capabilities(target, signal, { capabilities: { dropCapabilities: ['ALL'], addCapabilities: ['KILL'] } });
      for (let bit = 0n; bit < 41n; bit++) expectEqual(has(bit), bit === capability.killing, `capability ${bit}`);
    },
  },
  {
    id: 'security.ambient-capability',
    group: 'security',
    clause: 'add_ambient_capabilities lets an ordinary user keep them (cri.proto, Capability.add_ambient_capabilities)',
    proves: ['Capability.add_ambient_capabilities'],
    needs: [security],
    async run(target, signal) {
      sinceRelease(target, '0.25', 'add_ambient_capabilities');
      const context = { runAsUser: { value: 1000 }, capabilities: { addCapabilities: ['CHOWN'], addAmbientCapabilities: ['CHOWN'] } };
      expectTrue((await capabilities(target, signal, context))(capability.chown), 'the user lacks CAP_CHOWN');
    },
  },
  {
    id: 'security.no-new-privs',
    group: 'security',
    clause: 'no_new_privs is set or not, as asked for (cri.proto, LinuxContainerSecurityContext.no_new_privs)',
    proves: ['LinuxContainerSecurityContext.no_new_privs'],
    needs: [security],
    async run(target, signal) {
      const script = 'grep ^NoNewPrivs /proc/self/status | cut -f2';
      expectEqual(await under(target, signal, { noNewPrivs: true }, script), '1', 'NoNewPrivs');
      expectEqual(await under(target, signal, {}, script), '0', 'NoNewPrivs without it');
    },
  },
  {
    id: 'security.masked-paths',
    group: 'security',
    clause: 'masked_paths can not be read (cri.proto, LinuxContainerSecurityContext.masked_paths)',
    proves: ['LinuxContainerSecurityContext.masked_paths'],
    needs: [security],
    async run(target, signal) {
      const output = await under(
        target,
        signal,
        { maskedPaths: ['/etc/passwd', '/home'] },
        'read line < /etc/passwd; echo "[$line]"; set -- /home/*; echo "$1"',
      );
      expectEqual(output, '[]\n/home/*', 'what is seen of a file and a directory');
    },
  },
  {
    id: 'security.readonly-paths',
    group: 'security',
    clause: 'readonly_paths can not be written (cri.proto, LinuxContainerSecurityContext.readonly_paths)',
    proves: ['LinuxContainerSecurityContext.readonly_paths'],
    needs: [security],
    async run(target, signal) {
      const output = await under(target, signal, { readonlyPaths: ['/etc'] }, 'touch /etc/file 2>&1; touch /tmp/file && echo elsewhere');
      expectMatch(output, /Read-only file system\nelsewhere$/, 'writing below /etc and elsewhere');
    },
  },
  {
    id: 'security.seccomp-default',
    group: 'security',
    clause: 'RuntimeDefault filters system calls (cri.proto, SecurityProfile.ProfileType)',
    proves: ['LinuxContainerSecurityContext.seccomp', 'SecurityProfile.profile_type', 'ProfileType.RuntimeDefault'],
    needs: [security],
    async run(target, signal) {
      const mode = await under(
        target,
        signal,
        { seccomp: { profileType: 'RuntimeDefault' } },
        'grep ^Seccomp: /proc/self/status | cut -f2',
      );
      expectEqual(mode, '2', 'seccomp mode');
    },
  },
  {
    id: 'security.seccomp-unconfined',
    group: 'security',
    clause: 'Unconfined filters none (cri.proto, SecurityProfile.ProfileType)',
    proves: ['SecurityProfile.profile_type', 'ProfileType.Unconfined'],
    needs: [security],
    async run(target, signal) {
      const mode = await under(target, signal, { seccomp: { profileType: 'Unconfined' } }, 'grep ^Seccomp: /proc/self/status | cut -f2');
      expectEqual(mode, '0', 'seccomp mode');
    },
  },
  {
    id: 'security.seccomp-localhost',
    group: 'security',
    clause: 'Localhost takes the profile of a file on the node (cri.proto, SecurityProfile.localhost_ref)',
    proves: ['SecurityProfile.localhost_ref', 'ProfileType.Localhost'],
    needs: [security],
    async run(target, signal) {
      const directory = mkdtempSync(join(tmpdir(), 'berth-seccomp-'));
      try {
        const profile = join(directory, 'no-mkdir.json');
        const syscalls = [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }];
        writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }));
        const seccomp = { profileType: 'Localhost' as const, localhostRef: profile };
        const output = await under(target, signal, { seccomp }, 'mkdir /tmp/made 2>&1 || echo refused; touch /tmp/file && echo allowed');
        expectMatch(output, /not permitted[\s\S]*refused\nallowed$/, 'mkdir and touch');
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  },
  {
    id: 'security.seccomp-missing-file',
    group: 'security',
    clause: 'a profile that is not on the node is an error (cri.proto, SecurityProfile.localhost_ref)',
    proves: ['SecurityProfile.localhost_ref'],
    needs: [security],
    async run(target) {
      const seccomp = { profileType: 'Localhost' as const, localhostRef: '/no/such/profile.json' };
      await expectContainerRefused(target, { seccomp }, 'a seccomp profile that is not there');
    },
  },
  {
    id: 'security.apparmor-unconfined',
    group: 'security',
    clause: 'an AppArmor profile of Unconfined is taken on every host (cri.proto, SecurityProfile.ProfileType)',
    proves: ['LinuxContainerSecurityContext.apparmor'],
    needs: [security],
    async run(target, signal) {
      expectEqual(await under(target, signal, { apparmor: { profileType: 'Unconfined' } }, 'echo runs'), 'runs', 'what it printed');
    },
  },
  {
    id: 'security.apparmor-missing-profile',
    group: 'security',
    clause: 'an AppArmor profile that is not loaded, or a host without AppArmor, is an error (cri.proto, SecurityProfile.localhost_ref)',
    proves: ['SecurityProfile.localhost_ref'],
    needs: [security],
    async run(target) {
      const apparmor = { profileType: 'Localhost' as const, localhostRef: 'no-such-profile-is-loaded' };
      await expectContainerRefused(target, { apparmor }, 'an AppArmor profile that is not loaded');
    },
  },
  {
    id: 'security.privileged',
    group: 'security',
    clause:
      'a privileged container has all capabilities of the node, no seccomp filter, and writable /sys (cri.proto, LinuxContainerSecurityContext.privileged)',
    proves: ['LinuxContainerSecurityContext.privileged', 'LinuxSandboxSecurityContext.privileged'],
    needs: [privileged],
    async run(target, signal) {
      const securityContext = { privileged: true, namespaceOptions: podNamespaces };
      await target.withPod({ linux: { securityContext } }, async (pod) => {
        const container = await pod.create({
          command: ['sh', '-c', `${effectiveCapabilities}; grep ^Seccomp: /proc/self/status | cut -f2; grep " /sys " /proc/mounts`],
          linux: { securityContext: { privileged: true } },
        });
        const { stdout } = await container.finish(signal);
        expectTrue(((BigInt(`0x${stdout[0]}`) >> capability.sysAdmin) & 1n) === 1n, 'CAP_SYS_ADMIN is missing');
        expectEqual(stdout[1], '0', 'seccomp mode');
        expectMatch(stdout[2] ?? '', / rw[, ]/, 'how /sys is mounted');
      });
    },
  },
  {
    id: 'security.privileged-sandbox-only',
    group: 'security',
    clause: 'a privileged container can not be made in a sandbox that is not (cri.proto, LinuxSandboxSecurityContext.privileged)',
    proves: ['LinuxSandboxSecurityContext.privileged'],
    async run(target) {
      await expectContainerRefused(target, { privileged: true }, 'a privileged container in an ordinary sandbox');
    },
  },
];
