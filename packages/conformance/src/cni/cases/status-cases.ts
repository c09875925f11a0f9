import type { Case } from '../../suite.ts';
import { delegatesIpam, version } from '../needs.ts';
import { expectHostUnchanged } from '../network-state.ts';
import type { CniTarget } from '../target.ts';

export const statusCases: Case<CniTarget>[] = [
  {
    id: 'status.ready',
    group: 'status',
    clause: 'STATUS exits with zero where the plugin is ready to service ADD (SPEC.md, STATUS)',
    proves: ['STATUS'],
    needs: [version('1.1.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.status();
        await attachment.add();
        await attachment.status();
      });
    },
  },
  {
    id: 'status.no-network',
    group: 'status',
    clause: 'STATUS is about the plugin: it needs no container and no interface (SPEC.md, STATUS: "Required environment parameters")',
    proves: ['STATUS', 'Environment.CNI_COMMAND'],
    needs: [version('1.1.0')],
    async run(target) {
      await target.withPlugin((plugin) => plugin.status());
    },
  },
  {
    id: 'status.changes-nothing',
    group: 'status',
    clause: 'STATUS probes and changes nothing (SPEC.md, STATUS)',
    proves: ['STATUS'],
    needs: [version('1.1.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await expectHostUnchanged(attachment.host, 'STATUS has changed the host', async () => {
          for (let i = 0; i < 2; i++) await attachment.status();
        });
      });
    },
  },
  {
    id: 'status.ipam-missing',
    group: 'status',
    clause: 'STATUS fails where the plugin knows that it can not service ADD: its IPAM is in no directory of CNI_PATH (SPEC.md, STATUS)',
    proves: ['STATUS', 'Delegation.STATUS'],
    needs: [version('1.1.0'), delegatesIpam],
    async run(target) {
      await target.withPlugin(
        async (plugin) => {
          await plugin.refused('STATUS', {}, 'IPAM is in no directory of CNI_PATH');
        },
        { path: ['/nowhere'] },
      );
    },
  },
  {
    id: 'status.bad-input',
    group: 'status',
    clause: 'STATUS of a configuration that can not be decoded is refused (SPEC.md, Error, code 6)',
    proves: ['STATUS', 'ErrorCode.6'],
    needs: [version('1.1.0')],
    async run(target) {
      await target.withPlugin(async (plugin) => {
        await plugin.refused('STATUS', { stdin: '{' }, 'half a JSON object', 6);
      });
    },
  },
  {
    id: 'status.old-version',
    group: 'status',
    clause: 'STATUS came with 1.1.0: in an older version it is refused (SPEC.md of 1.0.0 has none; Error, code 1)',
    proves: ['STATUS', 'ErrorCode.1'],
    needs: [version('1.1.0'), version('1.0.0')],
    async run(target) {
      await target.withPlugin(async (plugin) => {
        await plugin.refused('STATUS', { config: { cniVersion: '1.0.0' } }, 'STATUS in version 1.0.0', 1);
      });
    },
  },
];
