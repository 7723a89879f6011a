// Programs of a release as packages of the machine's own manager: a part of scripts.
// P1. Refused before anything is changed: the manager is not there or not in order, no repository
//     has the release, or something else would have to go for it.
// P2. What was lifted or moved for the time stands in /var/lib/ascent/packages before, and is put
//     back by whoever comes next, when this one dies.
// P3. Another package manager at work is waited for, with a limit.

import { type KubeMinor, type KubeVersion, minorOf } from '../../domain/versions';
import type { ManagedPackages } from '../access';
import { shellWord } from './machine-script';
import { packageManagerScript } from './package-managers';

const lockSeconds = 600;

const asking = `
names='kubeadm kubelet kubectl'
notes=/var/lib/ascent/packages

# The end of what it says is in $said when it fails.
try() {
  code=0
  said=$("$@" 2>&1 < /dev/null) || code=$?
  if [ "$code" = 0 ]; then return 0; fi
  said=$(echo "$said" | grep -v '^ *$' | tail -n 4 | tr '\\n' ' ')
  return 1
}

# P3.
patiently() {
  told=
  waited=0
  until try "$@"; do
    if ! pm_is_locked; then return 1; fi
    if [ "$waited" -ge ${lockSeconds} ]; then
      echo "another package manager is at work for more than ${lockSeconds} s: $said"
      exit 1
    fi
    if [ "$told" != "$said" ]; then
      phase 'waiting for another package manager'
      told=$said
      echo "$told"
    fi
    sleep 2
    waited=$((waited + 2))
  done
}

check_manager() {
  for tool in $pm_tools; do
    if ! command -v "$tool" > /dev/null; then
      refuse "there is no $tool on this machine, and driver.packages.kind is $manager"
    fi
  done
  unfit=$(pm_unfit)
  if [ -n "$unfit" ]; then refuse "$unfit"; fi
}

# \`1.29.15-1.1\`, with an epoch or without.
is_of() { case \${2#*:} in "$1" | "$1"-*) return 0 ;; *) return 1 ;; esac; }
revision_of() {
  for revision in $(pm_revisions "$1"); do
    if is_of "$plain" "$revision"; then echo "$revision"; return; fi
  done
}

# The repository of another minor. v1.NN stands between slashes. Keys are those that were trusted.
check_repository() {
  if [ -z "$repository" ]; then return 0; fi
  if [ ! -f "$repository" ]; then
    refuse "$repository is not there: correct driver.packages.repository"
  fi
  if ! grep -q '/v1\\.[0-9][0-9]*/' "$repository"; then
    refuse "$repository names no repository of a minor (/v1.NN/)"
  fi
}
of_minor() { sed "/^ *gpgkey/!s#/v1\\.[0-9][0-9]*/#/v$1/#g" "$repository"; }
`;

const changing = `
move_repository() {
  check_repository
  if [ -z "$repository" ] || of_minor "$minor" | cmp -s - "$repository"; then return 0; fi
  mkdir -p "$notes"
  if [ ! -e "$notes/repository" ]; then
    cp -p "$repository" "$notes/repository.new"
    sync "$notes/repository.new"
    mv "$notes/repository.new" "$notes/repository"
    sync "$notes"
  fi
  phase "naming the repository of v$minor"
  cp -p "$repository" "$repository.ascent"
  of_minor "$minor" > "$repository.ascent"
  sync "$repository.ascent"
  mv "$repository.ascent" "$repository"
}
repository_back() {
  if [ ! -e "$notes/repository" ]; then return 0; fi
  cp -p "$notes/repository" "$repository.ascent"
  mv "$repository.ascent" "$repository"
  rm -f "$notes/repository"
}

lift_holds() {
  held=$(pm_held $names)
  if [ -z "$held" ]; then return 0; fi
  mkdir -p "$notes"
  { cat "$notes/held" 2> /dev/null || true; echo "$held"; } | sort -u > "$notes/held.new"
  sync "$notes/held.new"
  mv "$notes/held.new" "$notes/held"
  sync "$notes"
  patiently pm_unhold $held || { echo "holds cannot be lifted: $said"; exit 1; }
}
set_holds() {
  if [ ! -e "$notes/held" ]; then return 0; fi
  patiently pm_hold $(cat "$notes/held") || { echo "holds cannot be set again: $said"; exit 1; }
  rm -f "$notes/held"
}

is_installed() { is_of "$plain" "$(pm_installed "$1")"; }
are_installed() {
  for name in $names; do is_installed "$name" || return 1; done
}

# What this was at when it died: half installed, it is nobody else's.
recover() {
  if [ ! -e "$notes/installing" ]; then return 0; fi
  phase 'ending an installation that was cut off'
  if ! patiently pm_recover; then
    echo "an installation was cut off, and cannot be ended: $said"
    exit 1
  fi
  rm -f "$notes/installing"
}

check_programs() {
  check_manager
  recover
  if are_installed; then return 0; fi
  patiently pm_ready || refuse "the packages of this machine are not in order: $said"
  for name in $names; do
    if [ -z "$(pm_installed "$name")" ]; then
      refuse "$name is not a package here, and driver.packages.kind is $manager"
    fi
  done
  trap repository_back EXIT
  move_repository
  phase 'reading the package lists'
  patiently pm_refresh || { echo "the package lists cannot be read: $said"; exit 1; }
  specs=
  for name in $names; do
    revision=$(revision_of "$name")
    if [ -z "$revision" ]; then refuse "no repository of this machine has $name $plain"; fi
    eval "revision_of_$name=\\$revision"
    specs="$specs $(pm_spec "$name" "$revision")"
  done
  patiently pm_try $specs || refuse "these cannot be installed:$specs: $said"
  trap - EXIT
  rm -f "$notes/repository"
}

put() {
  specs=
  for name in "$@"; do
    if is_installed "$name"; then continue; fi
    eval "revision=\\$revision_of_$name"
    specs="$specs $(pm_spec "$name" "$revision")"
  done
  if [ -n "$specs" ]; then
    phase "installing$specs"
    mkdir -p "$notes"
    : > "$notes/installing"
    sync "$notes/installing" "$notes"
    lift_holds
    if ! patiently pm_install $specs; then
      failed="$specs cannot be installed: $said"
      set_holds
      echo "$failed"
      exit 1
    fi
    rm -f "$notes/installing"
  fi
  set_holds
  for name in "$@"; do
    found=$(version_of "$(place_of "$name")")
    if [ "$found" = "$to" ]; then continue; fi
    echo "$(place_of "$name") is $found, not $to, although the package $name is $plain"
    exit 1
  done
}
`;

function askingScript({ kind, repository = '' }: ManagedPackages): string {
  return `
manager=${kind}
repository=${shellWord(repository)}
${packageManagerScript(kind)}${asking}`;
}

/** `check_programs` and `put`, as programsScript has them. */
export function packagesScript(packages: ManagedPackages, to: KubeVersion): string {
  return `
plain=${to}
minor=${minorOf(to)}
${askingScript(packages)}${changing}`;
}

/**
 * Prints releases that all three programs can be had of, a line each. Where a file names the
 * repository of a minor, the ones of `minors` that follow are looked into as well, up to the first
 * that is not there. Changes nothing.
 */
export function packageReleasesScript(
  packages: ManagedPackages,
  minors: readonly KubeMinor[],
): string {
  return `
${askingScript(packages)}
check_manager
check_repository
releases() {
  for name in $names; do
    pm_revisions "$name" | sed 's/^[0-9]*://; s/-.*//' | sort -u
  done | sort | uniq -c | awk '$1 == 3 { print $2 }'
}
if [ -z "$repository" ]; then releases; exit 0; fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 143' TERM
minor=$(sed -n 's#.*/v\\(1\\.[0-9][0-9]*\\)/.*#\\1#p' "$repository" | head -n 1)
file=$scratch/$(basename "$repository")
is_first=yes
for next in "$minor" ${minors.join(' ')}; do
  if [ "$is_first" != yes ] && [ "\${next#1.}" -le "\${minor#1.}" ]; then continue; fi
  of_minor "$next" > "$file"
  rm -rf "$scratch/fetched"
  pm_look "$file" "$scratch/fetched"
  if try pm_fetch; then releases
  elif [ "$is_first" = yes ]; then echo "$repository: $said" >&2; exit 1
  else exit 0
  fi
  is_first=no
done
`;
}
