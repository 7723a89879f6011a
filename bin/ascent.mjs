#!/usr/bin/env node
// Starts the `ascent` executable on a Node that can run it. Plain JavaScript without dependencies,
// because it has to work (or to explain itself) on an older Node too.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/bin/ascent.js', import.meta.url));

/** The Kubernetes client needs undici 8, and that Node 22.19 (its package.json, engines). */
const oldest = { major: 22, minor: 19 };

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > oldest.major || (major === oldest.major && minor >= oldest.minor);
}

/** The Node 24 that the npm package "node" installed beside this package, if it did. */
function ownNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    const binary = fileURLToPath(new URL('bin/node', `file://${manifest}`));
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

const runtimeFile = new URL('../dist/bin/worker-runtime.js', import.meta.url);

/** Runs the program under another Node; signals are passed on, the exit code comes back. */
function runUnder(node, { flags = [], environment = {} } = {}) {
  const args = [...flags, '--enable-source-maps', program, ...process.argv.slice(2)];
  const env = { ...environment, ...process.env };
  const child = spawn(node, args, { stdio: 'inherit', env });
  // A terminal sends Ctrl-C to the child as well: here it must only not end the launcher first.
  const pass = (signal) => (signal === 'SIGINT' && process.stdin.isTTY ? true : child.kill(signal));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, pass);
  child.once('error', (error) => {
    console.error(`ascent: cannot start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.once('close', (code, signal) => {
    process.exitCode = signal === null ? code : 128 + constants.signals[signal];
  });
}

/** Tells the program the name that it was called by; see bin/called-as.ts. */
process.env.ASCENT_CALLED_AS ??= basename(process.argv[1]);

async function main() {
  if (!existsSync(program)) {
    console.error('ascent: dist/ is missing; run `npm run build` in the checkout first');
    process.exitCode = 1;
    return;
  }
  // A worker is started with limits on its memory, which only a new process can have.
  const isWorker = process.argv[2] === 'worker';
  const { workerNodeFlags, workerEnvironment } = isWorker
    ? (await import(runtimeFile.href)).default
    : {};
  const runtime = { flags: workerNodeFlags, environment: workerEnvironment };
  if (isNewEnough(process.versions.node)) {
    if (isWorker) {
      runUnder(process.execPath, runtime);
      return;
    }
    process.setSourceMapsEnabled(true);
    process.argv[1] = program;
    await import('../dist/bin/ascent.js');
    return;
  }
  const node = ownNode();
  if (node === undefined) {
    const wanted = `${oldest.major}.${oldest.minor}`;
    console.error(`ascent: needs Node ${wanted} or newer; this is ${process.versions.node}`);
    process.exitCode = 1;
    return;
  }
  runUnder(node, runtime);
}

await main();
