// The arrows of the design: each package lists the workspaces that it may import. A new package needs a line here.
const mayImport = {
  'packages/api': [],
  'packages/sdk': ['packages/api'],
  'packages/conformance': ['packages/sdk'],
  'packages/shim': ['packages/sdk'],
  'packages/kubelet': ['packages/api', 'packages/sdk'],
  'packages/scheduler': ['packages/api', 'packages/sdk'],
  'packages/cli': ['packages/[^/]+'],
  'plugins/runtime-[^/]+': ['packages/shim', 'packages/sdk'],
  'plugins/cni-[^/]+': ['packages/sdk'],
  'plugins/device-[^/]+': ['packages/api', 'packages/sdk'],
  'plugins/flanneld': ['packages/sdk'],
  'plugins/scheduler-[^/]+': ['packages/sdk'],
};

/** A rule per line of the table. Tests may import besides what their package may: `more`. */
const rulesFor = (files, exceptFor, more) =>
  Object.entries(mayImport).map(([from, listed]) => {
    const allowed = [...listed, ...more];
    return {
      name: `${files} of ${from}`,
      comment: `may import only ${allowed.join(', ') || 'no workspace'}`,
      severity: 'error',
      from: { path: `^(${from})/`, pathNot: exceptFor },
      to: { path: '^(packages|plugins)/', pathNot: ['^$1/', ...allowed.map((path) => `^${path}/`)] },
    };
  });

const tests = '(\\.(test|fixture)\\.ts$|^packages/[^/]+/testing/)';

module.exports = {
  forbidden: [
    ...rulesFor('sources', tests, []),
    ...rulesFor('tests', '^(?!packages/[^/]+/testing/).*(?<!\\.test|\\.fixture)\\.ts$', [
      'packages/conformance',
      'packages/sdk',
      'packages/api',
    ]),
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every workspace has a rule',
      severity: 'error',
      from: { path: '^(packages|plugins)/', pathNot: Object.keys(mayImport).map((path) => `^${path}/`) },
      to: {},
    },
    {
      name: 'tests stay out of the product',
      severity: 'error',
      from: { path: '^(packages|plugins)/', pathNot: tests },
      to: { path: `(${tests}|^test/)` },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(gen|dist|node_modules)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['berth-source', 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.mjs', '.cjs'],
    },
  },
};
