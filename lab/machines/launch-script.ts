// What launches a machine and outlives its boots: whoever tells its first process to start again
// needs nobody of the lab for it.
// L1. Between two boots it undoes what a real machine would lose: control groups below its own,
//     interfaces, packet filter and connections of the boot before. The cable stays plugged in.

/** What the first process ends with for another boot (tools/toolchain/go/machine/machine-init). */
const rebootCode = 92;

/**
 * Arguments: the boot script and its arguments (directory of the machine, hostname, directory of
 * images), the file of the network namespace, the interface of the cable, and the files that take
 * a process into the control groups of the machine.
 */
export const launchScript = `
set -eu
script=$1 machine=$2 name=$3 images=$4 network=$5 cable=$6
shift 6
# Before the first boot: the cgroup namespaces then have these as their roots.
for procs in "$@"; do echo $$ > "$procs"; done

inside() { nsenter --net="$network" -- "$@"; }

forget_boot() {
  for procs in "$@"; do
    find "$(dirname "$procs")" -mindepth 1 -depth -type d -exec rmdir {} ';' || true
  done
  for link in $(inside ip -o link show | sed 's/^[0-9]*: \\([^:@]*\\).*/\\1/'); do
    case $link in lo | "$cable") ;; *) inside ip link delete "$link" || true ;; esac
  done
  for table in filter nat mangle raw; do
    inside iptables -w -t "$table" -F && inside iptables -w -t "$table" -X || true
  done
  inside conntrack -F || true
}

while :; do
  code=0
  inside unshare --mount --uts --ipc --pid --cgroup --fork --propagation private -- \\
    sh "$script" "$machine" "$name" "$images" || code=$?
  if [ "$code" != ${rebootCode} ]; then exit "$code"; fi
  echo "$name starts again"
  forget_boot "$@"
done
`;
