// Runs the tests in stages: unit (their coverage is asked for), then workflow; and beside these lab
// and machine-path, in a Jest of their own: Temporal's worker leaves hooks in its process, which no
// lab can do with. Labs leave a tenth of the machine idle, unit tests half. Fetches or builds the
// lab's tools first where a chosen test needs them. Arguments go to Jest.
//
// Own options: --totals FILE writes the sums as JSON; --selectProjects picks of these four, and of
// those that run only when they are named: `thorough` (45 minutes of upgrades), `releases`
// (Kubernetes after 1.30 takes a quarter of an hour to build) and `machines`. Real machines need
// root and packages of Debian's: where they cannot be, `machine-path` is left out with the reason,
// unless it was named.
// Ends with the time of each stage and a line `N passed, N failed`; the exit code is not 0 if
// anything failed or nothing ran.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { prepare, PreparationFailed, root } from '../bootstrap/prepare.mjs';
import { run } from '../bootstrap/run.mjs';
import { sentenceOf } from './totals.mjs';

/**
 * What runs in one go of Jest, and how many files at a time. Most of what the longest unit tests
 * and labs do is wait: for shells behind sshd, for elections. `beside`: runs beside the labs where
 * those run too, and then so many at a time. Workflow tests use all of a core, and a server that
 * has only just begun may fail the first of a file where it gets too little of one: none yields.
 */
const cores = availableParallelism();
const stages = [
  { projects: ['unit'], lanes: 2 * cores, beside: 2 * cores },
  { projects: ['workflow'], lanes: cores + 1, beside: cores },
  { projects: ['lab', 'machine-path'], lanes: cores + 1 },
  { projects: ['thorough'], lanes: 2 },
  { projects: ['releases'], lanes: 1 },
  { projects: ['machines'], lanes: 1 },
];
const usualProjects = stages.slice(0, 3).flatMap(({ projects }) => projects);
const projectNames = stages.flatMap(({ projects }) => projects);
/** The option of the installer that brings more than the usual tools, by project. */
const moreTools = {
  releases: '--releases',
  'machine-path': '--machines',
  machines: '--machines',
};
const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');

// Node 24 can require ES modules, but inside Jest's VM only with this flag (the Kubernetes client
// ships nothing else); its warning would stand before every test file's output.
const nodeFlags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];

/** Splits our own options from Jest's. */
function readArguments(args) {
  const chosen = [];
  const jestArgs = [];
  let totalsFile;
  for (let i = 0; i < args.length; i += 1) {
    if (args[i] === '--totals') totalsFile = resolve(args[(i += 1)]);
    else if (args[i] === '--selectProjects') {
      while (projectNames.includes(args[i + 1])) chosen.push(args[(i += 1)]);
    } else jestArgs.push(args[i]);
  }
  return { chosen, jestArgs, totalsFile };
}

const environment = {
  // Control planes of labs live for minutes, and collecting their garbage as often as by default
  // is a tenth of what they take. In exchange an API server has half as much memory again.
  GOGC: '400',
  ...process.env,
  NODE_OPTIONS: [process.env.NODE_OPTIONS, ...nodeFlags].filter(Boolean).join(' '),
};

/** Whether any test of the project matches the arguments; Jest fails on a project without one. */
function hasTests(project, jestArgs) {
  const args = [jest, '--selectProjects', project, '--listTests', '--json', ...jestArgs];
  const listed = spawnSync(process.execPath, args, { cwd: root, env: environment });
  if (listed.status !== 0) throw new Error(`jest --listTests failed: ${listed.stderr.toString()}`);
  return JSON.parse(listed.stdout.toString()).length > 0;
}

/** Two runs of Jest at one terminal would overwrite each other's progress: whole lines do not. */
function forwardLines(child) {
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => process.stderr.write(`${line}\n`));
  }
}

/** Runs a stage and returns its exit code and sums. */
async function runStage({ projects, lanes, beside }, jestArgs, folder, hasCompany) {
  const outputFile = join(folder, `${projects.join('-')}.json`);
  const args = [jest, '--selectProjects', ...projects, '--json', '--outputFile', outputFile];
  // Coverage counts domain/ only, which only the unit tests exercise outside the workflow VM.
  const ofUnit = projects.includes('unit');
  const own = ofUnit ? jestArgs : jestArgs.filter((arg) => arg !== '--coverage');
  args.push('--maxWorkers', String(hasCompany ? (beside ?? lanes) : lanes));
  const code = await run(process.execPath, [...args, ...own], {
    cwd: root,
    env: environment,
    // Jest prints the coverage on stdout, which here is for the sums.
    ...(hasCompany
      ? { stdio: ['ignore', 'pipe', 'pipe'], spawned: forwardLines }
      : { stdio: ['inherit', process.stderr, 'inherit'] }),
  });
  if (!existsSync(outputFile)) return { code: code || 1, passed: 0, failed: 1, skipped: 0 };
  const report = JSON.parse(readFileSync(outputFile, 'utf8'));
  return {
    code,
    passed: report.numPassedTests,
    // A file that could not even be loaded holds no test that failed, yet it failed.
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** Runs a program of dist/. */
function runBuilt(program, ...args) {
  const file = join(root, 'dist', 'lab', program);
  return run(process.execPath, ['--enable-source-maps', file, ...args], { cwd: root });
}

/** The lab's binaries and the time-skipping server; done in a moment when they are there. */
function installToolchain(projects) {
  const more = projects.flatMap((project) => moreTools[project] ?? []);
  return runBuilt('toolchain/main.js', '--tests', ...new Set(more));
}

/** Undefined where real machines can be here; otherwise what is missing. */
function lackingForMachines() {
  const program = join(root, 'dist', 'lab', 'machines', 'main.js');
  const asked = spawnSync(process.execPath, [program], { cwd: root, encoding: 'utf8' });
  return asked.status === 0 ? undefined : `${asked.stdout}${asked.stderr}`.trim();
}

/** One stage after the other. */
async function runTrack(track, jestArgs, folder, hasCompany) {
  const results = [];
  for (const stage of track) {
    const names = stage.projects.join(', ');
    console.error(`\n${names} tests`);
    const start = performance.now();
    const result = await runStage(stage, jestArgs, folder, hasCompany);
    results.push({ ...result, names, seconds: (performance.now() - start) / 1000 });
    // A signal ends the whole run, not one stage of it.
    if (result.code > 128) break;
  }
  return results;
}

async function runAll(projects, jestArgs, folder) {
  const chosen = stages
    .map((stage) => ({
      ...stage,
      projects: stage.projects.filter((one) => projects.includes(one)),
    }))
    .filter((stage) => stage.projects.length > 0);
  const tracks = [
    chosen.filter(({ beside }) => beside !== undefined),
    chosen.filter(({ beside }) => beside === undefined),
  ].filter((track) => track.length > 0);
  const running = tracks.map((track) => runTrack(track, jestArgs, folder, tracks.length > 1));
  const results = (await Promise.all(running)).flat();
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  const times = results.map(
    ({ names, seconds }) => `${seconds.toFixed(0).padStart(6)} s  ${names}`,
  );
  console.error(`\n${times.join('\n')}`);
  return {
    code: results.find(({ code }) => code !== 0)?.code ?? 0,
    passed: sum('passed'),
    failed: sum('failed'),
    skipped: sum('skipped'),
  };
}

/** What of these can run here, its tools installed; an exit code where the tools are not had. */
async function makeReady(projects, mayLeaveOut) {
  if (projects.every((project) => project === 'unit')) return { projects, code: 0 };
  await prepare(['dist']);
  const lacking =
    mayLeaveOut && projects.includes('machine-path') ? lackingForMachines() : undefined;
  if (lacking !== undefined) {
    console.error(
      `\nleft out: machine-path, since real machines cannot be here without ${lacking}`,
    );
  }
  const able =
    lacking === undefined ? projects : projects.filter((project) => project !== 'machine-path');
  return { projects: able, code: await installToolchain(able) };
}

async function main() {
  const { chosen, jestArgs, totalsFile } = readArguments(process.argv.slice(2));
  const asked = chosen.length > 0 ? chosen : usualProjects;
  const withTests = asked.filter((project) => hasTests(project, jestArgs));
  if (withTests.length === 0) {
    console.error(`no test matches ${jestArgs.join(' ')} in ${asked.join(', ')}`);
    return 1;
  }
  const { projects, code } = await makeReady(withTests, chosen.length === 0);
  if (code !== 0) return code;
  const folder = mkdtempSync(join(tmpdir(), 'ascent-test-'));
  try {
    const totals = await runAll(projects, jestArgs, folder);
    console.log(`\n${sentenceOf(totals)}`);
    if (totalsFile !== undefined) writeFileSync(totalsFile, JSON.stringify(totals));
    return totals.code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof PreparationFailed)) throw error;
  console.error(`ascent: ${error.message}`);
  process.exitCode = error.exitCode;
}
