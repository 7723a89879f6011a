// The journal of a step on its machine, as the shell script that keeps it. Beside sh it takes flock
// and setsid of util-linux, timeout, sync and df of coreutils, and awk.
//
// A directory for each operation: `script`, `runner` (which runs it), `output`, `runs` (a line for
// each time that it was begun: when, and in which boot of the machine), `lock` (held while anything
// of it lives), `session` (of its processes), `changes` (what), `given-up` (before it is ended for
// another one), `exit` (its code; written last).
//
// systemd, where it is the first process, runs a step as a unit: what begins one may be a process
// of a pod, and everything in the control group of a pod ends with it. Elsewhere a session of its
// own has to do.

import { fullCode, restartCode, scriptEnvironment } from './machine-script';

/** Root's own; the newest hundred operations stay. */
export const journalDirectory = '/var/lib/ascent/operations';

/** What a step has ended with that was given up for another one: as by SIGTERM. */
export const givenUpCode = 143;

/** For a script and what it prints; a shell that cannot write does not say why. */
const neededKiB = 1024;

const marker = 'ASCENT-END-OF-STEP';

/**
 * Arguments: where journals lie, the operation, `begin` or `look`, how many bytes of the output are
 * known, how many more are wanted, the step's limit in seconds, what it changes (or nothing): every
 * other step that still changes the same is ended before this one begins. Who looks at one that
 * runs is answered when it ends, or a second later. Prints `running`, `died`, `absent`,
 * `restarting`, `restarted` or `ended CODE` on a line, then output. A script that arrives half does
 * nothing: its last line calls all of it.
 */
export function journalScript(step: string): string {
  return `
set -eu
umask 077
${scriptEnvironment}
boot_id=/proc/sys/kernel/random/boot_id
journal=$1 dir=$1/$2 verb=$3 known=$4 wanted=$5 limit=$6 changes=$7
${states}${follow}${giveUp}${begin(step)}
main() {
  if [ "$verb" = begin ]; then begin; else follow; fi
  state "$dir"
  if [ -e "$dir/output" ]; then
    tail -c "+$((known + 1))" "$dir/output" | head -c "$wanted"
  fi
}

main
`;
}

const states = `
# A step ends by writing exit, and lets go of the lock afterwards. Who looks shares the lock: many
# may look at once, and none of them is taken for the step. One that was given up has not died:
# whoever follows it would begin it again, beside what it was ended for. One that has its machine
# started again goes on in another boot than the one it was begun in.
state() {
  case $(cat "$1/exit" 2> /dev/null) in
    '') ;;
    ${restartCode})
      if tail -n 1 "$1/runs" | grep -q " $(cat "$boot_id")$"; then echo restarting
      else echo restarted; fi
      return
      ;;
    *) echo "ended $(cat "$1/exit")"; return ;;
  esac
  if [ ! -e "$1/runs" ]; then echo absent; return; fi
  if ! flock -s -n "$1/lock" true; then echo running; return; fi
  if [ -e "$1/exit" ]; then state "$1"; return; fi
  if [ -e "$1/given-up" ]; then echo "ended $(cat "$1/given-up")"; return; fi
  echo died
}
`;

const follow = `
# With its end it lets go of the lock: nobody has to ask again and again.
follow() {
  if [ ! -e "$dir/lock" ]; then return; fi
  flock -s -w 1 "$dir/lock" true || true
}
`;

const giveUp = `
# Processes of a session: after the name in parentheses come state, parent, group and session.
living() {
  for each in /proc/[0-9]*; do
    { read -r stat < "$each/stat"; } 2> /dev/null || continue
    set -- "$1" \${stat##*) }
    if [ "$5" = "$1" ]; then echo "\${each##*/}"; fi
  done
}

# While the lock is held its session has this number, and nobody else's has.
give_up() {
  echo ${givenUpCode} > "$1/given-up.new"
  sync "$1/given-up.new"
  mv "$1/given-up.new" "$1/given-up"
  for signal in TERM KILL; do
    if [ "$(state "$1")" != running ]; then break; fi
    # All stop first: a shell that sees another one end would tell that as its last words.
    for each in STOP "$signal" CONT; do
      for process in $(living "$(cat "$1/session")"); do
        kill -s "$each" "$process" 2> /dev/null || true
      done
    done
    flock -s -w 10 "$1/lock" true || true
  done
  if [ "$(state "$1")" = running ]; then echo "$1 does not end" >&2; exit 1; fi
  if [ ! -e "$1/exit" ]; then cp "$1/given-up" "$1/exit.new"; mv "$1/exit.new" "$1/exit"; fi
}

give_up_others() {
  for other in "$journal"/*/; do
    other=\${other%/}
    if [ "$other" = "$dir" ] || [ ! -e "$other/changes" ]; then continue; fi
    if [ "$(cat "$other/changes")" != "$changes" ]; then continue; fi
    if [ "$(state "$other")" = running ]; then give_up "$other"; fi
  done
}
`;

/** Arguments: the journal of the operation, the step's limit in seconds. */
const runner = `
umask 077
dir=$1 limit=$2 code=0
exec < /dev/null >> "$dir/output" 2>&1 7> "$dir/lock"
flock -w 10 7 || exit 1
read -r line < /proc/self/stat
set -- \${line##*) }
echo "$4" > "$dir/session"
timeout -k 30 "$limit" /bin/sh "$dir/script" || code=$?
end_with() {
  echo "$1" > "$dir/exit.new"
  sync "$dir/exit.new"
  mv "$dir/exit.new" "$dir/exit"
  sync "$dir"
}
end_with "$code"
if [ "$code" = ${restartCode} ]; then
  code=0
  systemctl reboot || code=$?
  # By a signal it ends in mid-shutdown.
  if [ "$code" != 0 ] && [ "$code" -lt 128 ]; then
    echo "reason: systemctl reboot ended with $code"
    end_with 1
  fi
fi
`;

/** `need_room`: for the journal itself. */
const journalRoom = `
need_room() {
  place=$journal
  until [ -d "$place" ]; do place=$(dirname "$place"); done
  left=$(df -Pk "$place" | awk 'NR == 2 { print $4 }')
  if [ "$left" -ge ${neededKiB} ]; then return; fi
  echo "its journal needs ${neededKiB} KiB in $journal, and $left KiB are left" >&2
  exit ${fullCode}
}
`;

// A unit's name is given away once: systemd may not have forgotten the one of the run before yet.
const handOver = `
hand_over() {
  if [ -d /run/systemd/system ]; then
    name=$(printf %s "\${dir##*/}" | tr -c 'A-Za-z0-9:_.-' _ | cut -c 1-200)
    systemd-run --quiet --collect --unit="ascent-$name-$(wc -l < "$dir/runs")" \\
      --setenv=HOME=/root /bin/sh "$dir/runner" "$dir" "$limit" 8>&- 9>&-
  else
    setsid -f /bin/sh "$dir/runner" "$dir" "$limit" > /dev/null 2>&1 8>&- 9>&-
  fi
}
`;

function begin(step: string): string {
  return `${handOver}${journalRoom}
begin() {
  case $(state "$dir") in running | restarting | 'ended 0') return ;; esac
  need_room
  mkdir -p "$dir"
  exec 9> "$dir/begin"
  flock -w 20 9
  # Somebody else may have begun it meanwhile.
  case $(state "$dir") in running | restarting | 'ended 0') return ;; esac
  if [ -n "$changes" ]; then
    # Two that change the same begin one after the other: the later one finds the other's lock held.
    exec 8> "$journal/$changes.begin"
    flock -w 20 8
    give_up_others
    echo "$changes" > "$dir/changes"
  fi
  rm -f "$dir/session"
  cat > "$dir/runner" <<'${marker}'${runner}${marker}
  cat > "$dir/script.new" <<'${marker}'
${step}
${marker}
  sync "$dir/script.new"
  mv "$dir/script.new" "$dir/script"
  rm -f "$dir/exit" "$dir/given-up"
  : > "$dir/output"
  echo "$(date -u +%FT%TZ) $(cat "$boot_id")" >> "$dir/runs"
  sync "$dir/runs"
  sync "$dir"
  hand_over
  tries=0
  while [ "$(state "$dir")" = died ] && [ "$tries" -lt 100 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
  ls -1dt "$journal"/*/ | tail -n +101 | while read -r old; do rm -rf "$old"; done
}
`;
}
