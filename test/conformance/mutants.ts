import { containerMutants } from './mutants/container-mutants.ts';
import { imageMutants } from './mutants/image-mutants.ts';
import type { Mutant } from './mutants/mutant.ts';
import { queryMutants } from './mutants/query-mutants.ts';
import { sandboxMutants } from './mutants/sandbox-mutants.ts';
import { sessionMutants } from './mutants/session-mutants.ts';

/** Rules of the protocol, each broken by one server. */
export const mutants: Mutant[] = [...sandboxMutants, ...containerMutants, ...queryMutants, ...imageMutants, ...sessionMutants];
