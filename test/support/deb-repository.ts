// Repositories of Debian packages, one for each minor, whose programs are scripts that tell their
// version as those of Kubernetes do. Takes dpkg-deb.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { isRoot } from './ssh-server';

/** `describe` where apt installs; elsewhere it is told, and skipped. */
export const describeWithApt = isRoot && existsSync('/usr/bin/apt-get') ? describe : describe.skip;
if (describeWithApt !== describe) process.stderr.write('skipped: apt takes root on Debian\n');

export const programs = ['kubeadm', 'kubelet', 'kubectl'] as const;

/** Of each program, in the words that it is asked with. */
export function scriptOf(version: string): string {
  return `#!/bin/sh
case $(basename "$0") in
  kubeadm) echo v${version} ;;
  kubelet) echo 'Kubernetes v${version}' ;;
  kubectl) printf 'clientVersion:\\n  gitVersion: v${version}\\n' ;;
esac
`;
}

export interface Deb {
  readonly name: string;
  /** `1.29.15-1.1`. */
  readonly revision: string;
  /** What its programs tell, when that is another one. */
  readonly tells?: string;
  /** A real one instead of the script. */
  readonly program?: string;
  /** More lines of its control file. */
  readonly control?: readonly string[];
  /** Run when it has been unpacked. */
  readonly postinst?: string;
}

/** Replaces what the repository in this directory holds. */
export function writeDebRepository(directory: string, debs: readonly Deb[]): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const entries = debs.map((deb) => {
    const file = path.join(directory, `${deb.name}_${deb.revision}.deb`);
    const { control, content } = builtDeb(file, deb);
    writeFileSync(file, content);
    return [
      control.trimEnd(),
      `Filename: ./${path.basename(file)}`,
      `Size: ${content.length}`,
      `SHA256: ${createHash('sha256').update(content).digest('hex')}`,
      '',
    ].join('\n');
  });
  writeFileSync(path.join(directory, 'Packages'), entries.join('\n'));
}

interface BuiltDeb {
  readonly control: string;
  readonly content: Buffer;
}

/** The same ones are built once. */
const built = new Map<string, BuiltDeb>();

function builtDeb(file: string, deb: Deb): BuiltDeb {
  const key = JSON.stringify(deb);
  const known = built.get(key);
  if (known !== undefined) return known;
  const control = buildDeb(file, deb);
  const made = { control, content: readFileSync(file) };
  built.set(key, made);
  return made;
}

function buildDeb(file: string, deb: Deb): string {
  const { name, revision, tells, program, control = [], postinst } = deb;
  const tree = `${file}.tree`;
  mkdirSync(path.join(tree, 'DEBIAN'), { recursive: true });
  mkdirSync(path.join(tree, 'usr/bin'), { recursive: true });
  const lines = [
    `Package: ${name}`,
    `Version: ${revision}`,
    'Architecture: all',
    'Maintainer: Nobody <nobody@example.com>',
    'Description: for a test',
    ...control,
    '',
  ].join('\n');
  const script = scriptOf(tells ?? revision.replace(/-.*/, ''));
  writeFileSync(path.join(tree, 'DEBIAN/control'), lines);
  const place = path.join(tree, 'usr/bin', name);
  if (program === undefined) writeFileSync(place, script, { mode: 0o755 });
  else copyFileSync(program, place, constants.COPYFILE_FICLONE);
  chmodSync(place, 0o755);
  if (postinst !== undefined) {
    writeFileSync(path.join(tree, 'DEBIAN/postinst'), `#!/bin/sh\n${postinst}\n`, { mode: 0o755 });
  }
  execFileSync('dpkg-deb', ['-Znone', '--root-owner-group', '--build', tree, file], {
    stdio: 'ignore',
  });
  rmSync(tree, { recursive: true });
  return lines;
}

/** All three programs of these releases. */
export function debsOf(...versions: readonly string[]): readonly Deb[] {
  return versions.flatMap((one) => programs.map((name) => ({ name, revision: `${one}-1.1` })));
}
