// An etcd that runs outside of kubeadm, as a service unit of its machine: functions for scripts.
// How it runs is read from its process, and kept as a pseudo-manifest, whose flags the scripts of
// static pods read as well (kubeadm-restore-parts.ts).
//
// DIR/arguments     what it is run with, `--name=value` a line; without its configuration file
// DIR/environment   its variables, a line each
// DIR/directory     where it runs: relative paths begin there
// DIR/config.yaml   its configuration file, where it has one: nothing else counts then
// DIR/unit.yaml     the flags that a restore reads, as a static pod would have them
//
// N1. Nothing of the unit itself is changed. That nobody starts it meanwhile, nor its machine when
//     it boots, is a drop-in with a condition on its own file: without the file it holds nobody.
// N2. What runs is what counts. Where nothing does, what ran when the last snapshot was taken.

import { shellWord } from './machine-script';

export interface EtcdUnit {
  /** Without `.service`. */
  readonly name: string;
  /** What etcd is asked with, on its machines; absent: the files that it serves with. */
  readonly client?: { readonly ca: string; readonly certificate: string; readonly key: string };
}

/** What ran when a snapshot was taken. */
const notes = '/var/lib/ascent/etcd-units';

const reading = String.raw`
unit_says() {
  systemctl show --property="$1" "$unit.service" 2> /dev/null | sed -n "s/^$1=//p" | head -n 1
}

# NAME VALUE a line, of lines with an argument each; the first is the program.
flags_in() {
  awk '
    NR == 1 { next }
    wanted != "" && /^-/ { print wanted " true"; wanted = "" }
    wanted != "" { print wanted " " $0; wanted = ""; next }
    /^--?[a-z]/ {
      sub(/^--?/, "")
      at = index($0, "=")
      if (at) print substr($0, 1, at - 1) " " substr($0, at + 1); else wanted = $0
    }
    END { if (wanted != "") print wanted " true" }
  '
}

# Of lines NAME=VALUE: ETCD_DATA_DIR is --data-dir.
flags_of_variables() {
  sed -n 's/^ETCD_\([A-Z0-9_]*\)=/\1 /p' | awk '{
    name = tolower($1); gsub("_", "-", name); sub(/^[^ ]* */, ""); print name " " $0
  }'
}

# Of a configuration file: keys of its first level, and of its two groups of certificates.
flags_of_file() {
  awk '
    /^[ \t]*(#|$)/ { next }
    {
      indent = match($0, /[^ ]/)
      sub(/[ \t]+#.*$/, "")
      at = index($0, ":")
      key = substr($0, 1, at - 1)
      value = substr($0, at + 1)
      gsub(/[ \t"\047]/, "", key)
      gsub(/^[ \t]*["\047]?|["\047]?[ \t]*$/, "", value)
      if (indent == 1) { group = key; if (value != "") print key " " value; next }
      if (group == "client-transport-security") print key " " value
      if (group == "peer-transport-security") print "peer-" key " " value
    }
  '
}

value_in() { sed -n "s/^$2 //p" "$1" | head -n 1; }

# Fills $1 from the process $2; fails where that ends meanwhile.
read_process() {
  rm -rf "$1"
  (umask 077 && mkdir -p "$1")
  tr '\0' '\n' < "$proc/$2/cmdline" > "$1/words" || return 1
  tr '\0' '\n' < "$proc/$2/environ" > "$1/environment" || return 1
  directory=$(readlink "$proc/$2/cwd") || return 1
  echo "$directory" > "$1/directory"
  program=$(readlink "$proc/$2/exe" | sed 's/ (deleted)$//')
  flags_in < "$1/words" > "$1/flags.own"
  flags_of_variables < "$1/environment" >> "$1/flags.own"
  config=$(value_in "$1/flags.own" config-file)
  case $config in '' | /*) ;; *) config=$directory/$config ;; esac
  if [ -n "$config" ]; then
    cp "$config" "$1/config.yaml" || return 1
    flags_of_file < "$config" > "$1/flags"
  else mv "$1/flags.own" "$1/flags"; fi
  flags_in < "$1/words" | grep -v '^config-file ' | sed 's/^\([^ ]*\) /--\1=/' > "$1/arguments"
  name=$(value_in "$1/flags" name)
  data=$(value_in "$1/flags" data-dir)
  [ -n "$name" ] || name=default
  [ -n "$data" ] || data=$name.etcd
  {
    say_flag program "$program"
    say_flag name "$name"
    say_path data-dir "$data"
    say_path wal-dir "$(value_in "$1/flags" wal-dir)"
    for flag in advertise-client-urls listen-client-urls initial-advertise-peer-urls; do
      say_flag "$flag" "$(value_in "$1/flags" "$flag")"
    done
    say_first cert-file "$client_certificate" "$(value_in "$1/flags" cert-file)"
    say_first key-file "$client_key" "$(value_in "$1/flags" key-file)"
    say_first trusted-ca-file "$client_ca" "$(value_in "$1/flags" trusted-ca-file)"
  } > "$1/unit.yaml"
  rm -f "$1/words" "$1/flags.own" "$1/flags"
}

say_flag() { if [ -n "$2" ]; then echo "    - --$1=$2"; fi; }
say_path() { case $2 in '' | /*) say_flag "$1" "$2" ;; *) say_flag "$1" "$directory/$2" ;; esac; }
say_first() { if [ -n "$2" ]; then say_flag "$1" "$2"; else say_path "$1" "$3"; fi; }

# Whether it runs, as etcd; $pid is its process then.
unit_runs() {
  pid=$(process_of_unit)
  [ -n "$pid" ] && [ "$(program_at "$pid")" = etcd ]
}
process_of_unit() { unit_says MainPID | grep -v '^0$' || true; }
program_at() { basename "$(readlink "$proc/$1/exe" 2> /dev/null | sed 's/ (deleted)$//')"; }

# (N2) Fills $1, or fails.
describe_unit() {
  if unit_runs && read_process "$1.new" "$pid"; then
    rm -rf "$1"
    mv "$1.new" "$1"
    return
  fi
  rm -rf "$1.new"
  if [ -e "$1/unit.yaml" ]; then return; fi
  if [ ! -e "$notes/$unit/unit.yaml" ]; then return 1; fi
  (umask 077 && mkdir -p "$(dirname "$1")" && cp -a "$notes/$unit" "$1")
}

# Path of etcdctl or etcdutl, of the minor of the etcd in the pseudo-manifest $2.
own_program() {
  program=$(flag_of "$2" program)
  minor=$("$program" --version 2> /dev/null | sed -n 's/^etcd Version: \([0-9]*\.[0-9]*\).*/\1/p')
  for place in "$(dirname "$program")/$1" "$(command -v "$1" || true)"; do
    if [ ! -x "$place" ]; then continue; fi
    case $("$place" version 2> /dev/null | head -n 1) in
      *": $minor."*) echo "$place"; return ;;
    esac
  done
  return 1
}

version_of_etcd() {
  "$(flag_of "$1" program)" --version 2> /dev/null | sed -n 's/^etcd Version: //p'
}

# Whether program $1 does.
restores() { "$1" snapshot restore --help 2>&1 | grep -q -e --bump-revision; }

have_programs() {
  own_program etcdctl "$1" > /dev/null || return 1
  restorer_at=$(own_program etcdutl "$1" || own_program etcdctl "$1")
  restores "$restorer_at"
}
`;

const running = String.raw`
# (N1)
hold_unit() {
  mkdir -p "$(dirname "$hold")"
  printf '[Unit]\nConditionPathExists=!%s\n' "$hold" > "$hold.new"
  sync "$hold.new"
  mv "$hold.new" "$hold"
  sync "$(dirname "$hold")" "$(dirname "$(dirname "$hold")")"
  systemctl daemon-reload
}

release_unit() {
  if [ ! -e "$hold" ]; then return; fi
  rm -f "$hold"
  sync "$(dirname "$hold")"
  rmdir "$(dirname "$hold")" 2> /dev/null || true
  systemctl daemon-reload
}

stop_etcd() {
  phase "stopping $unit"
  hold_unit
  systemctl stop "$unit.service" || true
  pid=$(process_of_unit)
  if [ -z "$pid" ]; then return; fi
  echo "$unit does not stop: its process $pid is still there"
  exit 1
}

start_etcd() {
  phase "starting $unit"
  release_unit
  systemctl reset-failed "$unit.service" > /dev/null 2>&1 || true
  # Its notice of being ready waits for a quorum.
  systemctl start --no-block "$unit.service"
}

# For a restore that finds nothing running.
note_unit() {
  (umask 077 && mkdir -p "$notes")
  rm -rf "$notes/$unit.new"
  cp -a "$1" "$notes/$unit.new"
  rm -rf "$notes/$unit"
  mv "$notes/$unit.new" "$notes/$unit"
  sync -f "$notes"
}

take_unit_programs() {
  mkdir -p "$bin"
  for program in etcdctl etcdutl; do
    if place=$(own_program "$program" "$etcd_yaml"); then cp "$place" "$bin/$program"; fi
  done
  [ -x "$bin/etcdctl" ] && can_restore
}
`;

/** After scriptHead and staticPods. `proc`: where processes are told of. */
export function etcdUnitScript({ name, client }: EtcdUnit, proc = '/proc'): string {
  const files = client ?? { ca: '', certificate: '', key: '' };
  return `
unit=${shellWord(name)} proc=${shellWord(proc)} notes=${notes}
hold=/etc/systemd/system/$unit.service.d/ascent-restore.conf
client_ca=${shellWord(files.ca)} client_certificate=${shellWord(files.certificate)}
client_key=${shellWord(files.key)}
${reading}${running}`;
}
