// npm run setup [-- --tests] [-- --runtime fake]: only sets up.
import { reportFailure } from './report-failure.mjs';
import { runtimeOf } from './runtime-option.mjs';
import { setUp } from './set-up.mjs';

const args = process.argv.slice(2);
await setUp({ tests: args.includes('--tests'), containers: runtimeOf(args) !== 'fake' }).catch(reportFailure);
