// What the package managers of machines are asked for, as functions of sh of the same names.
// `pm_look FILE DIRECTORY` is what makes the next calls read the repositories of FILE alone, with
// everything that is fetched in DIRECTORY: the machine's own lists stay as they are.
// `pm_unfit` prints why this manager cannot be used, or nothing; `pm_revisions NAME` the newest
// first.

import type { ManagedPackages } from '../access';
import { dnf, zypper } from './package-managers-rpm';

/**
 * apt-get tells a lock by its message only (LC_ALL=C), and fetches what it can unless it is told to
 * mind.
 */
const apt = `
pm_tools='apt-get apt-cache apt-mark dpkg dpkg-query'
pm_where=
pm_unfit() { :; }
apt_get() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -qq $pm_where \\
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
pm_is_locked() { case $said in *'Could not get lock'*) return 0 ;; *) return 1 ;; esac; }
pm_ready() {
  apt_get check || return 1
  audit=$(dpkg --audit)
  if [ -n "$audit" ]; then echo "$audit"; return 1; fi
}
pm_recover() {
  DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --configure -a &&
    apt_get --fix-broken install
}
pm_look() {
  pm_where="-o Dir::Etc::sourcelist=$1 -o Dir::Etc::sourceparts=- -o APT::Sandbox::User=root"
  if [ -z "$2" ]; then pm_where="$pm_where -o APT::Get::List-Cleanup=0"; return; fi
  mkdir -p "$2/lists/partial" "$2/cache/archives/partial"
  pm_where="$pm_where -o Dir::State::lists=$2/lists -o Dir::Cache=$2/cache"
}
# With a repository of their own, the others may be out of reach.
pm_refresh() {
  if [ -z "$repository" ]; then apt_get update; return; fi
  (pm_look "$repository" ''; apt_get -o APT::Update::Error-Mode=any update)
}
pm_fetch() { apt_get -o APT::Update::Error-Mode=any update; }
pm_revisions() {
  apt-cache $pm_where madison "$1" | awk -F ' *[|] *' -v name="$1" '
    { sub(/^ */, "", $1) }
    NF == 3 && $1 == name && $3 ~ / Packages$/ { print $2 }'
}
pm_installed() {
  dpkg-query -W -f '\${db:Status-Status} \${Version}\\n' "$1" 2> /dev/null |
    sed -n 's/^installed //p'
}
pm_spec() { echo "$1=$2"; }
pm_try() {
  # It tells what does not fit together only when it is not so quiet.
  tried=$(apt_get -q=1 -s --allow-change-held-packages --allow-downgrades install "$@" 2>&1) || {
    echo "$tried"
    return 1
  }
  removed=$(echo "$tried" | sed -n 's/^Remv \\([^ ]*\\).*/\\1/p' | tr '\\n' ' ')
  if [ -n "$removed" ]; then echo "it would remove $removed"; return 1; fi
}
pm_install() { apt_get --allow-downgrades install "$@"; }
pm_held() { apt-mark showhold "$@"; }
pm_unhold() { apt-mark unhold "$@"; }
pm_hold() { apt-mark hold "$@"; }
`;

const managers: Readonly<Record<ManagedPackages['kind'], string>> = { apt, dnf, zypper };

export function packageManagerScript(kind: ManagedPackages['kind']): string {
  return managers[kind];
}
