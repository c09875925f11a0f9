import { expectEqual } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { delegatesIpam, version } from '../needs.ts';
import { expectState, hostState } from '../network-state.ts';
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
        const { status, stdout } = await attachment.call('STATUS');
        expectEqual(status, 0, `exit status of STATUS (${stdout.slice(0, 300)})`);
        await attachment.add();
        expectEqual((await attachment.call('STATUS')).status, 0, 'exit status of STATUS after an ADD');
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
      await target.withPlugin(async (plugin) => {
        const { status, stdout } = await plugin.call('STATUS');
        expectEqual(status, 0, `exit status of STATUS (${stdout.slice(0, 300)})`);
      });
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
        const before = await hostState(attachment.host);
        for (let i = 0; i < 2; i++) await attachment.call('STATUS');
        expectState(await hostState(attachment.host), before, 'STATUS has changed the host');
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
      await target.withPlugin((plugin) => plugin.refused('STATUS', {}, 'IPAM is in no directory of CNI_PATH').then(() => undefined), {
        path: ['/nowhere'],
      });
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
