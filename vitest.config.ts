import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';

// Vitest hands these to Node as --conditions: `import` among them would make require() load the ES half of dual packages.
const conditions = ['berth-source', 'node'];

/** Storms, fuzzing and cold starts: `npm run test:long`. */
const long = '{packages,plugins,setup,test}/**/*.long.test.ts';

/** Tests run from the sources: packages resolve each other by the `berth-source` export condition. */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    pool: 'forks',
    execArgv: ['--conditions=berth-source'],
    testTimeout: 20_000,
    // Vitest would leave one of two processors to itself, and needs none; and tests wait half of their time.
    maxWorkers: availableParallelism() + 1,
    expect: { poll: { timeout: 10_000 } },
    // A failure of a machine that is gone by then has its message alone.
    chaiConfig: { truncateThreshold: 1000 },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{packages,plugins}/*/src/**/*.test.ts', 'setup/**/*.test.ts', 'test/bench/**/*.test.ts'],
          exclude: [...configDefaults.exclude, long],
          // A process for each of 500 files costs a fifth of the time.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'conformance',
          include: ['plugins/*/conformance.test.ts', 'test/conformance/**/*.test.ts'],
          exclude: [...configDefaults.exclude, long],
          testTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: [...configDefaults.exclude, long],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'interop',
          include: ['test/{architecture,interop,setup}/**/*.test.ts'],
          exclude: [...configDefaults.exclude, long],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      { extends: true, test: { name: 'long', include: [long], testTimeout: 1_800_000, hookTimeout: 600_000, fileParallelism: false } },
    ],
  },
});
