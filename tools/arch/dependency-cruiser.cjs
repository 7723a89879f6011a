// The arrows between folders, exact down to the resolved file (type imports included), and cycles.
// .oxlintrc.json says most of the same in the editor, by the text of an import; this is the judge.
//
// TypeScript 6 reads the sources here: dependency-cruiser 17 needs its compiler interface, which
// TypeScript 7 does not offer; hence a package of its own.
const folders = [
  'domain',
  'workflows',
  'activities',
  'worker',
  'client',
  'cli',
  'lab',
  'bin',
  'bench',
  'test',
];

/** Which folders (or single modules) each may import besides itself; test and bench any. */
const arrows = {
  domain: [],
  workflows: ['domain'],
  activities: ['domain'],
  worker: ['activities', 'domain'],
  client: ['domain', 'workflows/messages'],
  cli: ['client', 'domain', 'activities'],
  lab: ['activities', 'worker', 'domain'],
  // The composition root of the executable: all that is shipped.
  bin: ['domain', 'activities', 'worker', 'client', 'cli', 'lab'],
};

const startsWith = (paths) => `^(${paths.join('|')})(/|\\.ts$)`;

const arrowRules = Object.entries(arrows).map(([from, to]) => ({
  name: `${from}-imports-only-${to.length > 0 ? to.join('-and-').replaceAll('/', '-') : 'itself'}`,
  severity: 'error',
  from: { path: `^${from}/` },
  to: { path: startsWith(folders), pathNot: startsWith([from, ...to]) },
}));

module.exports = {
  forbidden: [
    ...arrowRules,
    {
      name: 'no-cycles',
      comment: 'two shapes may name each other; two modules may not need each other to load',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'domain-is-pure',
      comment:
        'domain/ runs inside the workflow sandbox and outside it; the one package is a pure hash',
      severity: 'error',
      from: { path: '^domain/' },
      to: { pathNot: '^(domain/|.*node_modules/@noble/hashes/)' },
    },
    {
      name: 'workflows-stay-in-the-sandbox',
      severity: 'error',
      from: { path: '^workflows/' },
      to: {
        path: '(^|/)node_modules/',
        pathNot: '(^|/)node_modules/@temporalio/(workflow|common)/',
      },
    },
    {
      name: 'workflows-use-no-node-module',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'only-adapters-speak-to-clusters',
      severity: 'error',
      from: { pathNot: '^(activities/adapters|test|bench)/' },
      to: { path: '(^|/)node_modules/(@kubernetes/client-node|@grpc)/' },
    },
    {
      name: 'shipped-code-needs-no-dev-dependency',
      severity: 'error',
      from: { pathNot: '^(test|bench|tools)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'type-import'] },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: {},
      // The launcher imports the built program, which need not be built for this check.
      to: { couldNotResolve: true, pathNot: '(^|/)dist/' },
    },
  ],
  options: {
    doNotFollow: { path: '^(node_modules|dist)' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['require', 'node', 'import', 'types', 'default'],
    },
  },
};
