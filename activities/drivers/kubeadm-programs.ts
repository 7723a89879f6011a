// How the programs of a release come into place on a machine: a part of scripts.
// G1. Nothing is replaced before all of the release is seen to be there.
// G2. A program is replaced by a rename: whoever starts it gets the old one or the new one.
// G3. What is in place already stays: every function may be called again.

import type { KubeVersion } from '../../domain/versions';
import type { KubeadmPackages } from '../access';
import { imageScript } from './kubeadm-image';
import { packagesScript } from './kubeadm-packages';
import { shellWord } from './machine-script';

const places = `
version_of() {
  case $1 in
    */kubeadm) "$1" version -o short ;;
    */kubelet) "$1" --version | sed 's/^Kubernetes //' ;;
    */kubectl) "$1" version --client -o yaml | sed -n 's/^ *gitVersion: *//p' ;;
  esac
}

# Where it is found, links followed: they stay.
place_of() { readlink -f "$(command -v "$1" || echo "/usr/bin/$1")"; }
`;

const binaries = `
check_programs() {
  for program in kubeadm kubelet kubectl; do
    if [ ! -x "$source/$program" ]; then refuse "$source/$program is not there"; fi
    found=$(version_of "$source/$program") || refuse "$source/$program does not run here"
    if [ "$found" != "$to" ]; then refuse "$source/$program is $found, not $to"; fi
  done
}

replace() {
  from=$source/$1
  place=$(place_of "$1")
  if cmp -s "$from" "$place"; then return; fi
  phase "replacing $1"
  # Nothing of it stays where the disk gets full meanwhile.
  cp "$from" "$place.ascent" || { rm -f "$place.ascent"; exit 1; }
  chown 0:0 "$place.ascent"
  chmod 755 "$place.ascent"
  sync "$place.ascent"
  mv -f "$place.ascent" "$place"
  sync "$(dirname "$place")"
}

# All of them are to fit beside the old ones.
need_room_for() {
  size=0
  for program in "$@"; do
    if cmp -s "$source/$program" "$(place_of "$program")"; then continue; fi
    size=$((size + $(du -kL "$source/$program" | cut -f 1)))
  done
  need_room "$(dirname "$(place_of kubelet)")" "$size" "replacing $*"
}

put() {
  need_room_for "$@"
  for program in "$@"; do replace "$program"; done
}
`;

/**
 * After scriptHead. `$to` is the release as `v1.29.15`; `check_programs` refuses unless all three
 * programs of it can be had (G1); `put PROGRAM...` puts them in place, and ends the script when
 * that fails; `place_of PROGRAM` and `version_of PATH` look.
 */
export function programsScript(packages: KubeadmPackages, to: KubeVersion): string {
  return `
to=v${to}
${places}${waysScript(packages, to)}`;
}

function waysScript(packages: KubeadmPackages, to: KubeVersion): string {
  switch (packages.kind) {
    case 'binaries':
      return `source=${shellWord(`${packages.directory}/${to}`)}\n${binaries}`;
    case 'command':
      return imageScript(packages, to);
    case 'apt':
    case 'dnf':
    case 'zypper':
      return packagesScript(packages, to);
  }
}
