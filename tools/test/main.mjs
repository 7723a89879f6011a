// Runs the tests: unit, then workflow, then lab (two files at a time: a lab waits more than it
// works). Fetches or builds the lab's tools first where a chosen test needs them. Arguments go to
// Jest.
//
// Own options: --totals FILE writes the sums as JSON; --selectProjects picks of the three, and
// of those that run only when they are named: `thorough` (45 minutes of upgrades), `releases`
// (Kubernetes after 1.30 takes a quarter of an hour to build) and `machines` (needs root, and
// packages of Debian's).
// Ends with a line `N passed, N failed`; the exit code is not 0 if anything failed or nothing ran.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { prepare, PreparationFailed, root } from '../bootstrap/prepare.mjs';
import { run } from '../bootstrap/run.mjs';
import { sentenceOf } from './totals.mjs';

const usualProjects = ['unit', 'workflow', 'lab'];
/** These take more than the usual tools, which are fetched only when they are asked for. */
const withOwnTools = ['releases', 'machines'];
const projectNames = [...usualProjects, 'thorough', ...withOwnTools];
/** Files of these at a time, whatever the cores: what they measure is the time that labs take. */
const lanes = { lab: '2', thorough: '2', releases: '1', machines: '1' };
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
  return { projects: chosen.length > 0 ? chosen : usualProjects, jestArgs, totalsFile };
}

const environment = {
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

/** Runs one project and returns its exit code and sums. */
async function runProject(project, jestArgs, folder) {
  const outputFile = join(folder, `${project}.json`);
  const args = [jest, '--selectProjects', project, '--json', '--outputFile', outputFile];
  // Coverage counts domain/ only, which only the unit tests exercise outside the workflow VM.
  const own = project === 'unit' ? jestArgs : jestArgs.filter((arg) => arg !== '--coverage');
  if (Object.hasOwn(lanes, project)) args.push('--maxWorkers', lanes[project]);
  // Jest prints the coverage on stdout, which here is for the sums.
  const code = await run(process.execPath, [...args, ...own], {
    cwd: root,
    env: environment,
    stdio: ['inherit', process.stderr, 'inherit'],
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

/** dist/, the lab's binaries and the time-skipping server; done in a moment when they are there. */
async function installToolchain(projects) {
  await prepare(['dist']);
  const installer = join(root, 'dist', 'lab', 'toolchain', 'main.js');
  const args = ['--enable-source-maps', installer, '--tests'];
  for (const named of withOwnTools) if (projects.includes(named)) args.push(`--${named}`);
  return run(process.execPath, args, { cwd: root });
}

async function runAll(projects, jestArgs, folder) {
  const totals = { code: 0, passed: 0, failed: 0, skipped: 0 };
  for (const project of projects) {
    console.error(`\n${project} tests`);
    const result = await runProject(project, jestArgs, folder);
    totals.code ||= result.code;
    for (const key of ['passed', 'failed', 'skipped']) totals[key] += result[key];
    // A signal ends the whole run, not one project of it.
    if (result.code > 128) break;
  }
  return totals;
}

async function main() {
  const { projects, jestArgs, totalsFile } = readArguments(process.argv.slice(2));
  const withTests = projects.filter((project) => hasTests(project, jestArgs));
  if (withTests.length === 0) {
    console.error(`no test matches ${jestArgs.join(' ')} in ${projects.join(', ')}`);
    return 1;
  }
  if (withTests.some((project) => project !== 'unit')) {
    const code = await installToolchain(withTests);
    if (code !== 0) return code;
  }
  const folder = mkdtempSync(join(tmpdir(), 'ascent-test-'));
  try {
    const totals = await runAll(withTests, jestArgs, folder);
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
