// Everything that must hold before a change lands: format, lint with types, types, boundaries,
// dead code, tests. The quick checks run side by side; each stage's time is printed at the end.
//
// Options: --only CHECK[,CHECK] runs these quick checks alone; --totals FILE goes to the tests.
// Without CI in the environment a failed quick check stops before the slow stages.
import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../bootstrap/prepare.mjs';
import { run } from '../bootstrap/run.mjs';

const packages = join(root, 'node_modules');
const cruiser = join(root, 'tools/arch/node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const sources = ['domain', 'workflows', 'activities', 'worker', 'client', 'cli', 'lab', 'bin'];
const checked = [...sources, 'bench', 'test'];

/** The quick checks; each is a script that Node runs with arguments. */
const checks = {
  format: [join(packages, 'oxfmt/bin/oxfmt'), '--check'],
  lint: [join(packages, 'oxlint/bin/oxlint')],
  types: [join(packages, 'typescript/bin/tsc'), '-p', '.'],
  arch: [cruiser, '--config', 'tools/arch/dependency-cruiser.cjs', ...checked],
  knip: [join(packages, 'knip/bin/knip.js')],
};

const slow = {
  build: [join(root, 'tools/bootstrap/bootstrap.mjs'), 'build'],
  toolchain: [join(root, 'dist/lab/toolchain/main.js'), '--tests'],
  test: [join(root, 'tools/test/main.mjs'), '--coverage'],
};

const secondsSince = (start) => (performance.now() - start) / 1000;

/** Runs a quick check with its output kept, so that stages side by side do not mix their lines. */
function runCheck(name) {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, checks[name], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      const result = { name, code: code ?? 1, seconds: secondsSince(start) };
      console.log(
        `${result.code === 0 ? 'ok    ' : 'FAILED'} ${name} (${result.seconds.toFixed(1)} s)`,
      );
      if (result.code !== 0) console.log(Buffer.concat(chunks).toString());
      resolve(result);
    });
  });
}

/** Runs the named checks, as many at a time as there are cores. */
async function runChecks(names) {
  const waiting = [...names];
  const results = [];
  const lane = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      results.push(await runCheck(name));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  return results;
}

/** Runs a slow stage with its output on the terminal as it comes. */
async function runSlow(name, more = []) {
  console.log(`\n=== ${name}`);
  const start = performance.now();
  const args = ['--enable-source-maps', ...slow[name], ...more];
  const code = await run(process.execPath, args, { cwd: root });
  return { name, code, seconds: secondsSince(start) };
}

/** Whether the tests will find real machines here; they say why where they do not. */
function canHaveMachines() {
  const program = join(root, 'dist/lab/machines/main.js');
  return spawnSync(process.execPath, [program], { cwd: root }).status === 0;
}

function printTimings(results) {
  console.log('\nstage        seconds  result');
  for (const { name, seconds, code } of results) {
    const result = code === 0 ? 'ok' : `exit code ${code}`;
    console.log(`${name.padEnd(12)} ${seconds.toFixed(1).padStart(7)}  ${result}`);
  }
}

const failed = (results) => results.some(({ code }) => code !== 0);

async function main() {
  const options = { only: { type: 'string' }, totals: { type: 'string' } };
  const { values } = parseArgs({ options });
  if (values.only !== undefined) {
    const only = values.only.split(',');
    const unknown = only.filter((name) => !Object.hasOwn(checks, name));
    if (unknown.length > 0) {
      console.error(
        `no such check: ${unknown.join(', ')} - one of ${Object.keys(checks).join(', ')}`,
      );
      return 2;
    }
    return failed(await runChecks(only)) ? 1 : 0;
  }
  const results = await runChecks(Object.keys(checks));
  if (!failed(results) || process.env['CI'] !== undefined) {
    const totals = values.totals === undefined ? [] : ['--totals', values.totals];
    results.push(await runSlow('build'));
    if (!failed(results.slice(-1))) {
      const machines = canHaveMachines() ? ['--machines'] : [];
      results.push(await runSlow('toolchain', machines));
    }
    // Without a build or the lab's tools the unit tests still tell something.
    const some = failed(results.slice(-1)) ? ['--selectProjects', 'unit'] : [];
    results.push(await runSlow('test', [...totals, ...some]));
  }
  printTimings(results);
  return failed(results) ? 1 : 0;
}

process.exitCode = await main();
