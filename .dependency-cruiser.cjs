// The arrows of the design: each package lists the workspaces that it may import. A new package needs a line here.
const mayImport = {
  'packages/api': [],
  'packages/sdk': ['packages/api'],
  'packages/conformance': ['packages/sdk'],
  'packages/shim': ['packages/sdk'],
  'packages/kubelet': ['packages/api', 'packages/sdk'],
  'packages/cli': ['packages/[^/]+'],
  'plugins/runtime-[^/]+': ['packages/shim', 'packages/sdk'],
  'plugins/cni-[^/]+': ['packages/sdk'],
};

const workspaceRules = Object.entries(mayImport).map(([from, allowed]) => ({
  name: `layering: ${from}`,
  comment: `${from} may import only ${allowed.join(', ') || 'no workspace'}`,
  severity: 'error',
  from: { path: `^(${from})/`, pathNot: '\\.test\\.ts$' },
  to: { path: '^(packages|plugins)/', pathNot: [`^$1/`, ...allowed.map((path) => `^${path}/`)] },
}));

module.exports = {
  forbidden: [
    ...workspaceRules,
    {
      name: 'a test may import conformance besides',
      severity: 'error',
      from: { path: '^(packages|plugins)/.*\\.test\\.ts$' },
      to: { path: '^plugins/', pathNot: '^plugins/([^/]+)/' },
    },
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'every workspace has a rule', severity: 'error', from: { path: '^(packages|plugins)/', pathNot: Object.keys(mayImport).map((path) => `^${path}/`) }, to: {} },
    { name: 'tests stay out of the product', severity: 'error', from: { path: '^(packages|plugins)/', pathNot: '\\.test\\.ts$' }, to: { path: '(\\.test\\.ts$|^test/)' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(gen|dist|node_modules)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { conditionNames: ['berth-source', 'import', 'node', 'default', 'types'], exportsFields: ['exports'], extensions: ['.ts', '.js', '.mjs', '.cjs'] },
  },
};
