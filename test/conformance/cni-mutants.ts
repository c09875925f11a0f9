import { answerMutants } from './cni-mutants/answer-mutants.ts';
import { attachmentMutants } from './cni-mutants/attachment-mutants.ts';
import type { CniMutant } from './cni-mutants/mutant.ts';

/** Rules of the CNI specification, each broken by one plugin. */
export const cniMutants: CniMutant[] = [...answerMutants, ...attachmentMutants];
