import { expectMatch, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import type { AttachmentParts } from '../attachment.ts';
import { kind, since } from '../needs.ts';
import { addressesOf } from '../results.ts';
import type { CniTarget } from '../target.ts';

/** Code 4: "The error message must contain the names of invalid variables" (SPEC.md, Error). */
const invalidEnvironment = 4;

type Verb = 'ADD' | 'DEL' | 'CHECK';

interface BadVariable {
  id: string;
  verb: Verb;
  variable: string;
  /** Left out where undefined. */
  value?: string;
  clause: string;
}

const required = (verb: Verb, variable: string): string =>
  `${verb} requires ${variable} (SPEC.md, ${verb}: "Required environment parameters")`;
const containerId = 'a container id starts with a letter or digit and has only these, "_", "." and "-" (SPEC.md, Parameters)';
const ifName =
  'an interface name is what Linux allows: not "." or "..", under 16 characters, without "/", ":" and spaces (SPEC.md, Parameters)';

const badVariables: BadVariable[] = [
  { id: 'add-no-container-id', verb: 'ADD', variable: 'CNI_CONTAINERID', clause: required('ADD', 'CNI_CONTAINERID') },
  { id: 'add-no-netns', verb: 'ADD', variable: 'CNI_NETNS', clause: required('ADD', 'CNI_NETNS') },
  { id: 'add-no-ifname', verb: 'ADD', variable: 'CNI_IFNAME', clause: required('ADD', 'CNI_IFNAME') },
  { id: 'del-no-container-id', verb: 'DEL', variable: 'CNI_CONTAINERID', clause: required('DEL', 'CNI_CONTAINERID') },
  { id: 'del-no-ifname', verb: 'DEL', variable: 'CNI_IFNAME', clause: required('DEL', 'CNI_IFNAME') },
  { id: 'check-no-container-id', verb: 'CHECK', variable: 'CNI_CONTAINERID', clause: required('CHECK', 'CNI_CONTAINERID') },
  { id: 'check-no-netns', verb: 'CHECK', variable: 'CNI_NETNS', clause: required('CHECK', 'CNI_NETNS') },
  { id: 'check-no-ifname', verb: 'CHECK', variable: 'CNI_IFNAME', clause: required('CHECK', 'CNI_IFNAME') },
  {
    id: 'empty-container-id',
    verb: 'ADD',
    variable: 'CNI_CONTAINERID',
    value: '',
    clause: 'a container id must not be empty (SPEC.md, Parameters)',
  },
  { id: 'container-id-path', verb: 'ADD', variable: 'CNI_CONTAINERID', value: '../../etc', clause: containerId },
  { id: 'container-id-slash', verb: 'ADD', variable: 'CNI_CONTAINERID', value: 'pod/container', clause: containerId },
  { id: 'container-id-first', verb: 'ADD', variable: 'CNI_CONTAINERID', value: '-container', clause: containerId },
  { id: 'container-id-space', verb: 'ADD', variable: 'CNI_CONTAINERID', value: 'one two', clause: containerId },
  { id: 'del-container-id-path', verb: 'DEL', variable: 'CNI_CONTAINERID', value: '../../etc', clause: containerId },
  { id: 'ifname-too-long', verb: 'ADD', variable: 'CNI_IFNAME', value: 'abcdefghijklmnop', clause: ifName },
  { id: 'ifname-dots', verb: 'ADD', variable: 'CNI_IFNAME', value: '..', clause: ifName },
  { id: 'ifname-slash', verb: 'ADD', variable: 'CNI_IFNAME', value: 'eth/0', clause: ifName },
  { id: 'ifname-colon', verb: 'ADD', variable: 'CNI_IFNAME', value: 'eth:0', clause: ifName },
  { id: 'ifname-space', verb: 'ADD', variable: 'CNI_IFNAME', value: 'eth 0', clause: ifName },
];

function refusedVariable({ id, verb, variable, value, clause }: BadVariable): Case<CniTarget> {
  return {
    id: `environment.${id}`,
    group: 'environment',
    clause,
    proves: [verb, `Environment.${variable}`, 'ErrorCode.4'],
    ...(verb === 'CHECK' && { needs: [since('0.4.0')] }),
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        if (verb === 'CHECK') await attachment.add();
        const what = value === undefined ? `without ${variable}` : `${variable}=${JSON.stringify(value)}`;
        const { msg, details } = await attachment.refused(verb, { env: { [variable]: value } }, what, invalidEnvironment);
        expectMatch(`${msg} ${details ?? ''}`, new RegExp(`${variable}|${wordsFor[variable]}`, 'i'), `message of the error ${what}`);
      });
    },
  };
}

/** What messages may call a variable besides its name. */
const wordsFor: Record<string, string> = {
  CNI_CONTAINERID: 'container ?id',
  CNI_IFNAME: 'interface ?name',
  CNI_NETNS: 'net(work )?n(ame)?s(pace)?',
};

/** A container of such names can be added, and deleted. */
async function expectTaken(target: CniTarget, names: Partial<AttachmentParts>): Promise<void> {
  await target.withSharedHost(async (attachment) => {
    await attachment.add();
    await attachment.del();
  }, names);
}

export const environmentCases: Case<CniTarget>[] = [
  ...badVariables.map(refusedVariable),
  {
    id: 'environment.no-command',
    group: 'environment',
    clause: 'CNI_COMMAND is required (SPEC.md, Parameters and Error, code 4)',
    proves: ['Environment.CNI_COMMAND', 'ErrorCode.4'],
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        await attachment.refused('ADD', { env: { CNI_COMMAND: undefined } }, 'without CNI_COMMAND', invalidEnvironment);
      });
    },
  },
  {
    id: 'environment.unknown-command',
    group: 'environment',
    clause: 'CNI_COMMAND is one of the verbs of the specification (SPEC.md, Parameters and Error, code 4)',
    proves: ['Environment.CNI_COMMAND', 'ErrorCode.4'],
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        await attachment.refused('ADD', { env: { CNI_COMMAND: 'FETCH' } }, 'CNI_COMMAND=FETCH', invalidEnvironment);
      });
    },
  },
  {
    id: 'environment.args-unknown',
    group: 'environment',
    clause: 'CNI_ARGS holds what users say: keys that a plugin does not know are no error, as IgnoreUnknown asks (SPEC.md, Parameters)',
    proves: ['Environment.CNI_ARGS'],
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        const env = { CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0' };
        await attachment.add({ env });
        await attachment.del({ env });
      });
    },
  },
  {
    id: 'environment.unknown-variables',
    group: 'environment',
    clause: 'variables that the specification does not name change nothing (SPEC.md, Parameters)',
    proves: ['ADD'],
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        await attachment.add({ env: { CNI_UNKNOWN: 'x', NETCONFPATH: '/nowhere', HOME: '/nowhere' } });
      });
    },
  },
  {
    id: 'environment.container-id-characters',
    group: 'environment',
    clause: containerId,
    proves: ['Environment.CNI_CONTAINERID'],
    async run(target) {
      await expectTaken(target, { containerId: '0Pod_one.two-3' });
    },
  },
  {
    id: 'environment.ifname-longest',
    group: 'environment',
    clause: ifName,
    proves: ['Environment.CNI_IFNAME'],
    async run(target) {
      await expectTaken(target, { ifName: target.ifName === 'lo' ? 'lo' : 'abcdefghijklmno' });
    },
  },
  {
    id: 'environment.args-address',
    group: 'environment',
    clause: 'IP in CNI_ARGS asks an IPAM plugin for that address (CONVENTIONS.md, CNI_ARGS)',
    proves: ['Environment.CNI_ARGS'],
    needs: [kind('ipam')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const result = await attachment.add({ env: { CNI_ARGS: 'IgnoreUnknown=1;IP=10.89.7.15' } });
        expectTrue(addressesOf(result).includes('10.89.7.15/24'), `asked for 10.89.7.15, got ${addressesOf(result).join(', ')}`);
      }, target.narrowed(9));
    },
  },
];
