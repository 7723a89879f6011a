// The journal of a step on its machine, as the shell script that keeps it. Beside sh it takes flock
// and setsid of util-linux, timeout and sync of coreutils.
//
// A directory for each operation: `script`, `output`, `runs` (a line for each time that it was
// begun: when, and in which boot of the machine), `lock` (held while anything of it lives), `exit`
// (its code; written last).

/** Root's own; the newest hundred operations stay. */
export const journalDirectory = '/var/lib/ascent/operations';

const marker = 'ASCENT-END-OF-STEP';

/**
 * Arguments: where journals lie, the operation, `begin` or `look`, how many bytes of the output are
 * known, how many more are wanted, the step's limit in seconds. Prints `running`, `died`, `absent`
 * or `ended CODE` on a line, then output. A script that arrives half does nothing: its last line
 * calls all of it.
 */
export function journalScript(step: string): string {
  return `
set -eu
umask 077
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
journal=$1 dir=$1/$2 verb=$3 known=$4 wanted=$5 limit=$6

# A step ends by writing exit, and lets go of the lock afterwards.
state() {
  if [ -e "$dir/exit" ]; then echo "ended $(cat "$dir/exit")"; return; fi
  if [ ! -e "$dir/runs" ]; then echo absent; return; fi
  if ! flock -n "$dir/lock" true; then echo running; return; fi
  if [ -e "$dir/exit" ]; then echo "ended $(cat "$dir/exit")"; else echo died; fi
}

run='code=0
timeout -k 30 "$2" /bin/sh "$1/script" || code=$?
echo "$code" > "$1/exit.new"
sync "$1/exit.new"
mv "$1/exit.new" "$1/exit"
sync "$1"'

begin() {
  mkdir -p "$dir"
  exec 9> "$dir/begin"
  flock -w 20 9
  case $(state) in running | 'ended 0') return ;; esac
  cat > "$dir/script.new" <<'${marker}'
${step}
${marker}
  sync "$dir/script.new"
  mv "$dir/script.new" "$dir/script"
  rm -f "$dir/exit"
  : > "$dir/output"
  echo "$(date -u +%FT%TZ) $(cat /proc/sys/kernel/random/boot_id)" >> "$dir/runs"
  sync "$dir/runs"
  sync "$dir"
  setsid -f flock -w 10 "$dir/lock" /bin/sh -c "$run" sh "$dir" "$limit" \\
    < /dev/null >> "$dir/output" 2>&1 9>&-
  tries=0
  while [ "$(state)" = died ] && [ "$tries" -lt 100 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
  ls -1dt "$journal"/*/ | tail -n +101 | while read -r old; do rm -rf "$old"; done
}

main() {
  if [ "$verb" = begin ]; then begin; fi
  state
  if [ -e "$dir/output" ]; then
    tail -c "+$((known + 1))" "$dir/output" | head -c "$wanted"
  fi
}

main
`;
}
