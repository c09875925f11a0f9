// npm run build: sets up what is missing, then builds all packages and plugins, as they are published.
import { build } from './build-packages.mjs';
import { root } from './paths.mjs';
import { reportFailure } from './report-failure.mjs';

await build([root]).catch(reportFailure);
