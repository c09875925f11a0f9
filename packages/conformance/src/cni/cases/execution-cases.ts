import { expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { succeeded } from '../plugin-caller.ts';
import { parseObject } from '../results.ts';
import type { CniTarget } from '../target.ts';

/** A runtime reads until the last process has let go of a plugin's output. */
const heldLimitMs = 1_000;

export const executionCases: Case<CniTarget>[] = [
  {
    id: 'execution.output',
    group: 'execution',
    clause: 'standard output holds the result and nothing else: logs go to standard error (SPEC.md, Execution Protocol)',
    proves: ['Execution.stdout', 'Execution.stderr'],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const { stdout } = await attachment.call('ADD');
        parseObject(stdout, 'standard output of ADD');
      });
    },
  },
  {
    id: 'execution.ends',
    group: 'execution',
    clause: 'a plugin leaves no process behind that holds its output: the runtime waits for that (SPEC.md, Execution Protocol)',
    proves: ['Execution.stdout'],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        for (const verb of ['ADD', 'DEL']) {
          const { heldMs } = await attachment.call(verb);
          expectTrue(heldMs < heldLimitMs, `the output of ${verb} was held for ${Math.round(heldMs)} ms after its end`);
        }
      });
    },
  },
  {
    id: 'execution.minimal-environment',
    group: 'execution',
    clause: 'a plugin needs no variables but those of the specification and PATH (SPEC.md, Parameters)',
    proves: ['ADD', 'DEL', 'VERSION'],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.add();
        await attachment.del();
        succeeded('VERSION', await attachment.call('VERSION'));
      });
    },
  },
  {
    id: 'execution.containers-apart',
    group: 'execution',
    clause:
      'a plugin keeps what it knows by network, container and interface: containers with ids of a common beginning are two (SPEC.md, Parameters)',
    proves: ['DEL', 'Environment.CNI_CONTAINERID'],
    async run(target) {
      await target.withHost(async (host) => {
        const long = await target.attach(host, { containerId: 'a'.repeat(64) });
        await long.add();
        await long.with({ containerId: 'a'.repeat(63) }).del({ env: { CNI_NETNS: '' }, config: { prevResult: undefined } });
        if (target.versions.includes('0.4.0')) await long.check();
      });
    },
  },
];
