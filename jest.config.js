// Projects, because they need different things of the machine: `unit` nothing, `workflow` the
// time-skipping Temporal server, `lab` real clusters, `machine-path` three real machines (as root).
// tools/test runs these, and only when it is asked to `thorough` (what is proven at length, on real
// clusters, of which `lab` has a part), `releases` (real clusters of the releases that are
// installed on demand) and `machines` (all else on real machines, up to six).

const swc = [
  '@swc/jest',
  {
    sourceMaps: 'inline',
    module: { type: 'commonjs', ignoreDynamic: true },
    jsc: { target: 'es2023', parser: { syntax: 'typescript' }, keepClassNames: true },
  },
];

/** One project: its tests by glob, and patterns of what belongs to another project. */
const project = (displayName, globs, notBelow = []) => ({
  displayName,
  rootDir: __dirname,
  // domain/ has no tests in it; Jest counts the coverage of a file nobody loads only below a root.
  roots: ['<rootDir>/test', '<rootDir>/domain'],
  testEnvironment: 'node',
  testMatch: globs.map((glob) => `<rootDir>/test/${glob}`),
  testPathIgnorePatterns: notBelow,
  transform: { '\\.ts$': swc },
});

const ofWorkflow = ['workflows', 'replay'];
const ofLab = ['lab/e2e'];
const ofThorough = ['lab/thorough'];
const ofReleases = ['lab/releases'];
/** Beside tests of the parts of machines, which need none. */
const machinePath = ['lab/machines/kubeadm-path.test.ts'];
const realMachines = [
  'cluster',
  'kubeadm-external-etcd',
  'kubeadm-faults',
  'kubeadm-images',
  'kubeadm-jobs',
  'kubeadm-jobs-members',
  'kubeadm-jobs-restore',
  'kubeadm-nodes',
  'kubeadm-packages',
  'kubeadm-put-back',
  'kubeadm-reboot',
  'kubeadm-restore',
].map((name) => `lab/machines/${name}.test.ts`);
/** Adapters against real binaries stand beside the other tests of the same file. */
const realBinaries = '\\.lab\\.test\\.ts$';
const inside = (folder) => `<rootDir>/test/${folder}/`;
const below = (folders) => folders.map((folder) => `${folder}/**/*.test.ts`);

/** @type {import('jest').Config} */
module.exports = {
  projects: [
    project(
      'unit',
      ['**/*.test.ts'],
      [
        ...[...ofWorkflow, ...ofLab, ...ofThorough, ...ofReleases].map(inside),
        realBinaries,
        ...machinePath,
        ...realMachines,
      ],
    ),
    {
      ...project('workflow', below(ofWorkflow)),
      globalSetup: '<rootDir>/tools/test/bundle-workflows.cjs',
      globalTeardown: '<rootDir>/tools/test/remove-bundle.cjs',
    },
    project('lab', [...below(ofLab), '**/*.lab.test.ts']),
    project('thorough', below(ofThorough)),
    project('releases', below(ofReleases)),
    project('machine-path', machinePath),
    project('machines', realMachines),
  ],
  // Ends a test that hangs, and nothing else: a busy machine is ten times as slow as a quiet one.
  testTimeout: 120_000,
  testSequencer: '<rootDir>/tools/test/longest-first.cjs',
  // The default leaves one core idle, which on two cores is half of the machine.
  maxWorkers: '100%',
  // Coverage is asked of domain/ only: workflow code runs in a VM that the instrumentation does not
  // see, and the adapters are proven in the lab. There, 100 % of the branches is honest.
  collectCoverageFrom: ['domain/**/*.ts'],
  coverageReporters: ['text-summary', ['text', { skipFull: true }]],
  coverageThreshold: { global: { branches: 100 } },
};
