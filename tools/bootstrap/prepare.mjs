// Makes a checkout ready to run: dependencies, Node 24, dist/. Plain JavaScript without
// dependencies, because it runs before any is installed (and so on Node 20).
//
// P1. What is up to date is left alone, so that a second command does not disturb a running one.
// P2. The mark of completion is written last: whatever is cut off in the middle is done again.
// P3. dist/ is replaced as a whole, and only by a build that succeeded.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';
import { run } from './run.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const dist = join(root, 'dist');
const sourceFolders = [
  'domain',
  'workflows',
  'activities',
  'worker',
  'client',
  'cli',
  'lab',
  'bin',
  'bench',
];
/** Files beside the sources that the built program reads at run time; everything else stays out. */
const assetEndings = ['.proto', '.yaml', '.yml', '.json', '.html', '.css'];

export class PreparationFailed extends Error {
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

const say = (text) => process.stderr.write(`ascent: ${text}\n`);
const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

async function must(what, command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0) throw new PreparationFailed(`${what} ended with exit code ${code}`, code);
}

function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Environment without node_modules/.bin: npm must not run on the Node that it will replace. */
function outsideEnvironment() {
  const path = (process.env.PATH ?? '').split(delimiter);
  const outside = path.filter((entry) => !entry.endsWith(join('node_modules', '.bin')));
  return { ...process.env, PATH: outside.join(delimiter) };
}

/** The packages of a lock file by their key, or undefined if it is missing. */
function readLock(path) {
  const text = readIfThere(path);
  return text === undefined ? undefined : JSON.parse(text).packages;
}

/**
 * Whether node_modules holds what the lock file wants. The last thing npm does is to write what it
 * installed into a lock file of its own (P2). Optional packages are for some systems only.
 */
function isInstalled(folder) {
  const wanted = readLock(join(folder, 'package-lock.json'));
  const installed = readLock(join(folder, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  return Object.entries(wanted)
    .filter(([key, { optional }]) => key !== '' && optional !== true)
    .every(([key, { version }]) => installed[key]?.version === version);
}

/** Installs the dependencies of one folder unless node_modules is what its lock file wants. */
async function installIn(folder, what) {
  if (isInstalled(folder)) return;
  say(`installing ${what} with npm ci (once; about half a minute)`);
  const started = Date.now();
  // Warnings about engines are silenced: Node 24 comes with this very installation.
  const args = ['ci', '--loglevel=error', '--no-audit', '--no-fund'];
  await must('npm ci', 'npm', args, { cwd: folder, env: outsideEnvironment() });
  say(`installed ${what} in ${seconds(started)}`);
}

/** Every file below `folder` with its path, sorted, so that the order never depends on the disk. */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** A digest of everything that the build reads, by content: a checkout changes times at will. */
function digestOfSources(files) {
  const hash = createHash('sha256');
  const configs = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
  for (const file of [...configs.map((name) => join(root, name)), ...files]) {
    hash
      .update(`${file.slice(root.length)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

function copyAssets(files, target) {
  for (const file of files.filter((name) => assetEndings.some((end) => name.endsWith(end)))) {
    const copy = join(target, file.slice(root.length + sep.length));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
    chmodSync(copy, statSync(file).mode);
  }
}

/** Puts `fresh` in the place of dist/; the two renames leave no moment with half a build (P3). */
function replaceDist(fresh) {
  const old = `${dist}.old`;
  rmSync(old, { recursive: true, force: true });
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
  rmSync(old, { recursive: true, force: true });
}

async function build() {
  const files = sourceFolders.flatMap((folder) => filesBelow(join(root, folder)));
  const wanted = digestOfSources(files);
  const stamp = join(dist, '.ascent-stamp');
  if (readIfThere(stamp) === wanted) return;
  const started = Date.now();
  const fresh = `${dist}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const compile = [tsc, '-p', 'tsconfig.build.json', '--outDir', fresh];
  await must('tsc', nodeBinary(), compile, { cwd: root });
  copyAssets(files, fresh);
  replaceDist(fresh);
  // Workflow code is bundled once here instead of in every worker at its start.
  const bundler = join(dist, 'worker', 'build-bundle.js');
  if (existsSync(bundler)) await must('bundling workflows', nodeBinary(), [bundler], { cwd: root });
  writeFileSync(stamp, wanted);
  say(`built dist/ in ${seconds(started)}`);
}

/** The Node that runs everything after preparation: node_modules' own. Throws if there is none. */
export function nodeBinary() {
  const own = join(root, 'node_modules', 'node', 'bin', 'node');
  if (existsSync(own)) return own;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 19)) return process.execPath;
  const problem = `Node ${process.versions.node} is too old, and the npm package "node"`;
  throw new PreparationFailed(`${problem} has no binary for this machine; install Node 24`, 1);
}

/**
 * Brings the checkout up to date. `parts` are `deps` (always needed), `arch` (the boundary check's
 * own dependencies) and `dist`. Throws PreparationFailed with the exit code of what failed.
 */
export async function prepare(parts) {
  await withLock(join(root, '.ascent-prepare.lock'), say, async () => {
    if (parts.includes('deps')) await installIn(root, 'dependencies');
    if (parts.includes('arch')) await installIn(join(root, 'tools', 'arch'), 'the boundary check');
    if (parts.includes('dist')) await build();
  });
}
