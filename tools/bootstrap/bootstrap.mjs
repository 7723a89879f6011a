// The door of every npm script that must work as the very first command after `git clone`:
// prepares the checkout (prepare.mjs), then runs the task on Node 24. Plain JavaScript without
// dependencies, because it runs before any is installed (and so on Node 20).
import { join } from 'node:path';
import { nodeBinary, prepare, PreparationFailed, root } from './prepare.mjs';
import { run } from './run.mjs';

/**
 * Every task: what it needs prepared, and the script that Node 24 then runs with its arguments.
 * test and verify build by themselves, once they know that a chosen test needs it.
 */
const tasks = {
  demo: { parts: ['deps', 'dist'], script: ['dist/bin/ascent.js', 'demo'] },
  ascent: { parts: ['deps', 'dist'], script: ['dist/bin/ascent.js'] },
  bench: { parts: ['deps', 'dist'], script: ['dist/bench/main.js'] },
  test: { parts: ['deps'], script: ['tools/test/main.mjs'] },
  verify: { parts: ['deps', 'arch'], script: ['tools/verify/main.mjs'] },
  arch: { parts: ['deps', 'arch'], script: ['tools/verify/main.mjs', '--only', 'arch'] },
  build: { parts: ['deps', 'dist'], script: undefined },
};

async function main([name, ...args]) {
  const task = Object.hasOwn(tasks, name ?? '') ? tasks[name] : undefined;
  if (task === undefined) {
    console.error(`ascent: no task "${name ?? ''}"; there are ${Object.keys(tasks).join(', ')}`);
    return 2;
  }
  await prepare(task.parts);
  if (task.script === undefined) return 0;
  const [script, ...fixed] = task.script;
  // Stack traces of the built program point at the .ts lines.
  const node = ['--enable-source-maps', join(root, script), ...fixed, ...args];
  return run(nodeBinary(), node, { cwd: process.env.INIT_CWD ?? process.cwd() });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof PreparationFailed)) throw error;
  console.error(`ascent: ${error.message}`);
  process.exitCode = error.exitCode;
}
