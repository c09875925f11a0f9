import { allocationMutants } from './device-mutants/allocation-mutants.ts';
import { deviceListMutants } from './device-mutants/device-list-mutants.ts';
import type { DeviceMutant } from './device-mutants/mutant.ts';
import { processMutants } from './device-mutants/process-mutants.ts';
import { registrationMutants } from './device-mutants/registration-mutants.ts';

/** Rules of the device plugin API, each broken by one plugin. */
export const deviceMutants: DeviceMutant[] = [...registrationMutants, ...deviceListMutants, ...allocationMutants, ...processMutants];
