// dnf and zypper, as the functions of sh that package-managers.ts explains.
// M1. What is locked stays so for everybody else. Our own calls are shown all locks but those of
//     the three programs.

/** What was cut off leaves packages behind that are installed twice. */
const rpm = `
pm_twice() {
  { rpm -q --qf '%{name}\\n' $names cri-tools kubernetes-cni || true; } |
    grep -v ' ' | sort | uniq -d
}
pm_ready() {
  twice=$(pm_twice)
  if [ -z "$twice" ]; then return 0; fi
  echo 'installed twice:' $(rpm -q $twice)
  return 1
}
# The last one stays, and runs its scripts again.
pm_recover() {
  for name in $(pm_twice); do
    rpm -e $(rpm -q --last "$name" | sed '1d; s/ .*//') || return 1
    pm_again "$(pm_spec "$name" "$(pm_installed "$name")")" || return 1
  done
}
pm_installed() { rpm -q --qf '%{evr}\\n' "$1" 2> /dev/null | grep -v ' '; }
pm_unhold() { :; }
is_rpm_locked() { case $said in *'transaction lock'*) return 0 ;; *) return 1 ;; esac; }
ids_in() { sed -n 's/^\\[\\([^]]*\\)\\] *$/\\1/p' "$1"; }
`;

/**
 * Of version 4. Locks are those of its plugin. `exclude=` counts for others, as the documentation
 * of Kubernetes has it.
 */
export const dnf = `${rpm}
pm_tools='dnf rpm'
pm_where=
run_dnf() { dnf -y --setopt=exit_on_lock=1 $pm_where "$@"; }
pm_unfit() {
  case $(readlink -f "$(command -v dnf)") in
    */dnf5) echo 'dnf is of version 5 on this machine, and only version 4 is known' ;;
  esac
}
# How large its owner is changes all the time.
pm_is_locked() {
  said=\${said%% Memory*}
  [ "$code" = 200 ] || is_rpm_locked
}

lock_settings=/etc/dnf/plugins/versionlock.conf
lock_list=$(sed -n 's/^ *locklist *= *//p' "$lock_settings" 2> /dev/null | tail -n 1)
# Lines of the list that lock one of these; what is excluded begins with an exclamation mark.
locks_of() { echo "^($(echo "$@" | tr ' ' '|'))-[0-9*]"; }
# M1.
without_locks() {
  if [ ! -e "$lock_list" ]; then "$@"; return; fi
  scratch=$(mktemp -d)
  cp -r "$(dirname "$lock_settings")" "$scratch/plugins"
  grep -v -E "$(locks_of $names)" "$lock_list" > "$scratch/list" || true
  sed -i "s#^ *locklist *=.*#locklist = $scratch/list#" "$scratch/plugins/versionlock.conf"
  ended=0
  "$@" --setopt=pluginconfpath="$scratch/plugins" || ended=$?
  rm -rf "$scratch"
  return "$ended"
}

pm_look() { pm_where="--setopt=reposdir=$(dirname "$1") --setopt=cachedir=$2"; }
pm_refresh() {
  if [ -z "$repository" ]; then run_dnf -q makecache --refresh; return; fi
  only=
  for id in $(ids_in "$repository"); do only="$only --repo=$id"; done
  run_dnf -q $only --setopt='*.skip_if_unavailable=0' makecache --refresh
}
pm_fetch() { run_dnf -q --setopt='*.skip_if_unavailable=0' makecache; }
pm_revisions() {
  run_dnf -q -C --disableexcludes=all --disableplugin=versionlock repoquery --show-duplicates \\
    --qf '%{evr}' "$1" | sort -r -u -V
}
pm_spec() { echo "$1-$2"; }
# With a repository of their own, the others may be out of reach.
change() {
  without_locks run_dnf --disableexcludes=all --setopt='*.skip_if_unavailable=1' "$@"
}
# All are fetched, and rpm tries them.
pm_try() {
  ended=0
  tried=$(change --setopt=tsflags=test install "$@" 2>&1) || ended=$?
  removed=$(echo "$tried" | awk '
    /^Removing/ { inside = 1; next }
    /^[^ ]/ { inside = 0 }
    inside && NF > 0 { print $1 }
    $1 == "replacing" { sub(/[.][^.]*$/, "", $2); print $2 }')
  if [ -n "$removed" ]; then echo 'it would remove' $removed; return 1; fi
  if [ "$ended" != 0 ]; then echo "$tried"; fi
  return "$ended"
}
pm_install() { change -q install "$@"; }
pm_again() { change -q reinstall "$@"; }

pm_held() {
  if [ ! -e "$lock_list" ]; then return 0; fi
  for name; do
    if grep -q -E "$(locks_of "$name")" "$lock_list"; then echo "$name"; fi
  done
}
# A lock names a version: the one that is there now.
pm_hold() {
  cp -p "$lock_list" "$lock_list.ascent"
  {
    grep -v -E "$(locks_of "$@")" "$lock_list" || true
    rpm -q --qf '%{name}-%{epochnum}:%{version}-%{release}.*\\n' "$@"
  } > "$lock_list.ascent"
  sync "$lock_list.ascent"
  mv "$lock_list.ascent" "$lock_list"
}
`;

/**
 * Its locks name no version: they need no change afterwards. Who only reads says so, and needs no
 * lock of the system.
 */
export const zypper = `${rpm}
pm_tools='zypper rpm'
pm_where=
pm_unfit() { :; }
# To be restarted, repositories left out, a script that failed: what was asked for is there.
run_zypper() {
  ended=0
  zypper -n $pm_where "$@" || ended=$?
  case $ended in 102 | 103 | 106 | 107) return 0 ;; *) return "$ended" ;; esac
}
pm_is_locked() { [ "$code" = 7 ] || is_rpm_locked; }

# M1.
without_locks() {
  scratch=$(mktemp -d)
  settings=/etc/zypp/zypp.conf
  if [ ! -e "$settings" ]; then settings=/usr/etc/zypp/zypp.conf; fi
  list=$(sed -n 's/^ *locksfile.path *= *//p' "$settings" 2> /dev/null | tail -n 1)
  {
    grep -v '^ *locksfile.path' "$settings" 2> /dev/null || true
    printf '[main]\\nlocksfile.path = %s\\n' "$scratch/locks"
  } > "$scratch/settings"
  awk -v names="$names" '
    BEGIN { RS = ""; ORS = "\\n\\n"; count = split(names, all, " ") }
    {
      pattern = ""
      lines = split($0, line, "\\n")
      for (i = 1; i <= lines; i++)
        if (sub(/^solvable_name: */, "", line[i])) pattern = line[i]
      gsub(/[.]/, "[.]", pattern); gsub(/[*]/, ".*", pattern); gsub(/[?]/, ".", pattern)
      for (i = 1; i <= count; i++) if (all[i] ~ "^(" pattern ")$") next
      print
    }
  ' "\${list:-/etc/zypp/locks}" > "$scratch/locks" 2> /dev/null || true
  ended=0
  (
    export ZYPP_CONF="$scratch/settings"
    "$@"
  ) || ended=$?
  rm -rf "$scratch"
  return "$ended"
}

pm_look() {
  pm_where="--reposd-dir $(dirname "$1") --cache-dir $2"
  export ZYPP_READONLY_HACK=1
}
pm_refresh() {
  if [ -z "$repository" ]; then run_zypper -q refresh
  else run_zypper -q refresh $(ids_in "$repository"); fi
}
pm_fetch() { run_zypper -q refresh; }
pm_revisions() {
  ZYPP_READONLY_HACK=1 zypper -n -q -x --no-refresh $pm_where \\
    search -s --match-exact -t package "$1" |
    sed -n '/"(System Packages)"/d; s/.* edition="\\([^"]*\\)".*/\\1/p' | sort -r -u -V
}
pm_spec() { echo "$1=$2"; }
change() { without_locks run_zypper --no-refresh install --oldpackage "$@"; }
# Not the questions that nobody answers, nor what says no more.
reasons() {
  grep -v -e '^Choose from above' -e '^Abort, retry' -e '^Problem occurred' \\
    -e '^Installation has been aborted' -e '^Please see the above'
}
# All are fetched, and their files compared.
pm_try() {
  ended=0
  tried=$(change --dry-run --download-only "$@" 2>&1) || ended=$?
  removed=$(echo "$tried" | awk '
    /going to be REMOVED/ { inside = 1; next }
    /^[^ ]/ || NF == 0 { inside = 0 }
    inside { print }')
  if [ -n "$removed" ]; then echo 'it would remove' $removed; return 1; fi
  if [ "$ended" != 0 ]; then echo "$tried" | reasons; fi
  return "$ended"
}
pm_install() {
  ended=0
  tried=$(change "$@" 2>&1) || ended=$?
  if [ "$ended" != 0 ]; then echo "$tried" | reasons; fi
  return "$ended"
}
pm_again() { change --force "$@"; }
pm_held() { :; }
pm_hold() { :; }
`;
