// Repositories of rpm packages, one for each minor, whose programs are scripts that tell their
// version as those of Kubernetes do. Takes rpmbuild and createrepo_c.

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { readSettings } from '../../lab/toolchain/settings';
import { programs, scriptOf } from './deb-repository';
import { isRoot } from './ssh-server';

const tools = ['dnf', 'zypper', 'rpmbuild', 'createrepo_c'];
const isThere = (name: string): boolean => existsSync(path.join('/usr/bin', name));

/** `describe` where dnf and zypper install; elsewhere it is told, and skipped. */
export const describeWithRpm = isRoot && tools.every(isThere) ? describe : describe.skip;
if (describeWithRpm !== describe) {
  process.stderr.write(`skipped: packages of rpm take root, and ${tools.join(', ')}\n`);
}

export interface Rpm {
  readonly name: string;
  readonly version: string;
  /** What its program tells, when that is another one. */
  readonly tells?: string;
  /** More lines of its spec: `Requires: other >= 999`. */
  readonly tags?: readonly string[];
  /** Run before its files are there, and when they are. */
  readonly pre?: string;
  readonly post?: string;
}

export const rpmRelease = '150500.1.1';

/** Replaces what the repository in this directory holds. */
export function writeRpmRepository(directory: string, rpms: readonly Rpm[]): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  if (rpms.length === 0) return;
  for (const rpm of rpms) {
    const file = `${rpm.name}-${rpm.version}-${rpmRelease}.noarch.rpm`;
    writeFileSync(path.join(directory, file), builtRpm(rpm));
  }
  execFileSync('createrepo_c', ['--quiet', '--no-database', directory]);
}

/** The same ones are built once. */
const built = new Map<string, Buffer>();

function builtRpm(rpm: Rpm): Buffer {
  const key = JSON.stringify(rpm);
  const known = built.get(key);
  if (known !== undefined) return known;
  const made = buildRpm(rpm);
  built.set(key, made);
  return made;
}

/** Everything of it lies in a folder of its own: no database of the host is asked. */
function buildRpm({ name, version, tells, tags = [], pre, post }: Rpm): Buffer {
  const folder = mkdtempSync(path.join(tmpdir(), 'ascent-rpm-'));
  const at = (file: string): string => path.join(folder, file);
  writeFileSync(at('program'), scriptOf(tells ?? version));
  const spec = [
    `Name: ${name}`,
    `Version: ${version}`,
    `Release: ${rpmRelease}`,
    'Summary: for a test',
    'License: none',
    'BuildArch: noarch',
    'AutoReqProv: no',
    ...tags,
    '%description',
    'For a test.',
    '%install',
    `install -D -m 755 ${at('program')} %{buildroot}/usr/bin/${name}`,
    '%files',
    `/usr/bin/${name}`,
    ...(pre === undefined ? [] : ['%pre', pre]),
    ...(post === undefined ? [] : ['%post', post]),
    '',
  ].join('\n');
  writeFileSync(at('spec'), spec);
  const places = Object.entries({ _topdir: 'top', _dbpath: 'db', _rpmdir: 'rpms' });
  const own = places.flatMap(([macro, place]) => ['--define', `${macro} ${at(place)}`]);
  const plain = ['--define', '__os_install_post %{nil}', '--define', '_binary_payload w0.gzdio'];
  execFileSync('rpmbuild', ['-bb', '--quiet', ...own, ...plain, at('spec')], { stdio: 'pipe' });
  const [file = ''] = readdirSync(at('rpms/noarch'));
  const content = readFileSync(at(path.join('rpms/noarch', file)));
  rmSync(folder, { recursive: true });
  return content;
}

/** All three programs of these releases. */
export function rpmsOf(...versions: readonly string[]): readonly Rpm[] {
  return versions.flatMap((version) => programs.map((name) => ({ name, version })));
}

/**
 * Directory that is laid over / for the plugin versionlock of dnf. Debian's package of it does not
 * go together with zypper, so it is fetched once and never installed.
 */
export function versionLockPlugin(): string {
  const directory = path.join(readSettings(process.env).cacheDirectory, 'dnf-plugins-core');
  if (existsSync(directory)) return directory;
  const scratch = mkdtempSync(path.join(tmpdir(), 'ascent-rpm-'));
  execFileSync('apt-get', ['-qq', 'download', 'dnf-plugins-core'], { cwd: scratch, stdio: 'pipe' });
  const [file = ''] = readdirSync(scratch);
  execFileSync('dpkg-deb', ['-x', file, 'tree'], { cwd: scratch });
  cpSync(path.join(scratch, 'tree'), directory, { recursive: true });
  rmSync(scratch, { recursive: true });
  return directory;
}
