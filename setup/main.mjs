// npm run setup [-- --tests]
import { reportFailure } from './report-failure.mjs';
import { setUp } from './set-up.mjs';

await setUp({ tests: process.argv.includes('--tests') }).catch(reportFailure);
