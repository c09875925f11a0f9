import { defineConfig } from 'vitest/config';

// Vitest hands these to Node as --conditions: `import` among them would make require() load the ES half of dual packages.
const conditions = ['berth-source', 'node'];

/** Tests run from the sources: packages resolve each other by the `berth-source` export condition. */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    pool: 'forks',
    execArgv: ['--conditions=berth-source'],
    testTimeout: 20_000,
    projects: [
      { extends: true, test: { name: 'unit', include: ['packages/*/src/**/*.test.ts', 'plugins/*/src/**/*.test.ts', 'setup/**/*.test.ts'] } },
      { extends: true, test: { name: 'conformance', include: ['plugins/*/conformance.test.ts', 'test/conformance/**/*.test.ts'], testTimeout: 120_000, fileParallelism: false } },
      { extends: true, test: { name: 'e2e', include: ['test/e2e/**/*.test.ts', 'test/interop/**/*.test.ts', 'test/setup/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 180_000, fileParallelism: false } },
    ],
  },
});
