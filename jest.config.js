// Three projects, because they need different things of the machine: `unit` nothing, `workflow` the
// time-skipping Temporal server, `lab` real clusters (one at a time: two cores).
const swc = [
  '@swc/jest',
  {
    sourceMaps: 'inline',
    module: { type: 'commonjs', ignoreDynamic: true },
    jsc: { target: 'es2023', parser: { syntax: 'typescript' }, keepClassNames: true },
  },
];

/** @param {string} displayName @param {string[]} folders */
const project = (displayName, folders) => ({
  displayName,
  rootDir: __dirname,
  roots: ['<rootDir>/test'],
  testEnvironment: 'node',
  testMatch: folders.map((folder) => `<rootDir>/test/${folder}`),
  transform: { '\\.ts$': swc },
  // dist/ holds a second copy of every module name.
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
});

const unit = project('unit', ['**/*.test.ts']);
const workflowFolders = ['workflows', 'replay'];
const labFolder = 'lab/e2e';

/** @type {import('jest').Config} */
module.exports = {
  projects: [
    {
      ...unit,
      testPathIgnorePatterns: [...workflowFolders, labFolder].map((f) => `<rootDir>/test/${f}/`),
    },
    project(
      'workflow',
      workflowFolders.map((folder) => `${folder}/**/*.test.ts`),
    ),
    { ...project('lab', [`${labFolder}/**/*.test.ts`]), maxWorkers: 1 },
  ],
};
