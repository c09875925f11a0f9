// npm run setup [-- --tests] [-- --runtime fake|vm]: only sets up.
import { reportFailure } from './report-failure.mjs';
import { runtimeOf } from './runtime-option.mjs';
import { setUp } from './set-up.mjs';

const args = process.argv.slice(2);
const runtime = runtimeOf(args);
await setUp({ tests: args.includes('--tests'), containers: runtime !== 'fake', machines: runtime === 'vm' }).catch(reportFailure);
