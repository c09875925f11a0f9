import { deviceMutants } from '../device-mutants.ts';

// The program of a mutant. usage: node run-mutant.ts "what it breaks"

const mutant = deviceMutants.find(({ breaks }) => breaks === process.argv[2]);
if (!mutant) throw new Error(`there is no mutant that ${process.argv[2]}`);
await new mutant.Plugin().run();
