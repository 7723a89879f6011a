// Completes package-lock.json with the optional packages for other systems.
//
// A native tool lists one optional package per system. npm leaves out of the lock file those that
// its registry does not offer at that moment (a mirror may hold only some), and `npm ci` then
// refuses the lock file everywhere. Their versions are known all the same: the parent pins each.
//
// Run it after every change of a dependency: `node tools/lockfile/complete.mjs [--check]`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

/** The lock's entry for a platform package, whose name says for which: "core-linux-arm64-musl". */
function entryOf(name, version, dev) {
  const words = name.split(/[/-]/);
  const os = words.filter((word) => systems.includes(word));
  const cpu = words.filter((word) => processors.includes(word));
  const libc = words.flatMap((word) => {
    if (word.startsWith('musl')) return ['musl'];
    return word.startsWith('gnu') ? ['glibc'] : [];
  });
  return {
    version,
    ...(cpu.length > 0 && { cpu }),
    ...(dev && { dev }),
    ...(os.includes('linux') && libc.length > 0 && { libc }),
    optional: true,
    ...(os.length > 0 && { os }),
  };
}

/** Whether a package required from the package at `from` has an entry where Node would find it. */
function isLocked(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, folder.lastIndexOf('/node_modules/'))) {
    if (`${folder}/node_modules/${name}` in packages) return true;
    if (!folder.includes('/node_modules/')) return `node_modules/${name}` in packages;
  }
}

/** The entries that the lock file lacks, by their key. */
function missingEntries(packages) {
  const missing = {};
  for (const [key, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(packages, key, name)) continue;
      if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`${key}: ${name} ${version} is no pin`);
      missing[`node_modules/${name}`] = entryOf(name, version, entry.dev);
    }
  }
  return missing;
}

/** Completes one lock file, or with `check` only says what it lacks. Returns the missing keys. */
function complete(path, check) {
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  const missing = missingEntries(lock.packages);
  if (Object.keys(missing).length > 0 && !check) {
    const all = Object.entries({ ...lock.packages, ...missing });
    // The order npm itself writes, so that its next change shows only what it changed.
    lock.packages = Object.fromEntries(all.toSorted(([a], [b]) => a.localeCompare(b, 'en')));
    writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  }
  return Object.keys(missing);
}

const check = process.argv.includes('--check');
for (const path of ['package-lock.json', 'tools/arch/package-lock.json']) {
  const missing = complete(join(root, path), check);
  const verb = check ? 'lacks' : 'completed with';
  if (missing.length > 0) console.log(`${path} ${verb} ${missing.length} optional packages`);
  if (check && missing.length > 0) process.exitCode = 1;
}
