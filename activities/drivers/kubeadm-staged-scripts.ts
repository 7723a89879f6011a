// A restore that a control plane of one machine performs by itself, as scripts for it: nobody asks
// it for one phase after the other, because who is let in by the API server is not while that is
// away (docs/adr/0043). What a phase does is in kubeadm-restore-scripts.ts.
//
// /var/lib/ascent/way-back/, root's own, there as a whole or not at all:
//   about        which way back it is
//   snapshot.db  what is restored
//   bin/         etcdctl, and etcdutl where there is one
//   restore      begins it: by hand, and again in the boot after one that died
//   begin-alone  ends what is still under way to change etcd
//   begin        the journal of the restore (machine-journal.ts)
//   begun        the restore that was begun
//
// W1. All that is needed is on the machine before anything is stopped, or it is refused.
// W2. A phase that has ended is noted, and not performed again: what was written since the API
//     server serves again stays.
// W3. From the first stop on it does not end before it is done, its time is over, or the power is
//     cut; and then the next boot goes on.

import {
  checkPart,
  finishPart,
  inspectPart,
  restoreDataPart,
  restoreHeadOf,
  startApiServerPart,
  startControllersPart,
  startEtcdPart,
  stopControlPlanePart,
  stopEtcdPart,
  type RestoreTarget,
} from './kubeadm-restore-scripts';
import { journalDirectory, journalScript } from './machine-journal';
import { refusedCode, scriptEnvironment, shellWord } from './machine-script';

export const wayBack = '/var/lib/ascent/way-back';
/** What is being staged. */
export const newWayBack = '/var/lib/ascent/.way-back.new';

const unit = '/etc/systemd/system/ascent-restore.service';
const wanted = '/etc/systemd/system/multi-user.target.wants/ascent-restore.service';

/** Room above what was seen of etcd, and where its data does not tell (kubeadm-restore.ts, Y4). */
export interface RevisionMargins {
  readonly known: number;
  readonly unknown: number;
}

export interface WayBack extends RestoreTarget {
  readonly revision: number;
  readonly sha256: string;
  readonly margins: RevisionMargins;
}

/** How long it may take, whoever begins it; seconds. */
export const stagedLimitSeconds = 6 * 3_600;
const tryAgainSeconds = 10;

/** Operations of a restore; its step finds its own name in that of its journal. */
export function stagedOperation(id: string): string {
  return `restore-${id}-staged`;
}

export function aloneOperation(id: string): string {
  return `restore-${id}-alone`;
}

/** What makes one way back the same as another. */
export function aboutWayBack({ version, etcdVersion, revision, sha256 }: WayBack): string {
  return `Kubernetes ${version}, etcd ${etcdVersion}, revision ${revision}, SHA-256 ${sha256}`;
}

/** For what is being staged: the phase that refuses where something is missing. */
export function stageCheckScript(target: RestoreTarget): string {
  return `${restoreHeadOf("'way-back'", newWayBack)}
rm -rf "$bin"
${checkPart(target)}`;
}

/** The step: all phases. Its script lies in the journal that is named after the restore. */
export function stagedRestoreScript(way: WayBack): string {
  return `
restore=$(basename "$(dirname "$0")")
restore=\${restore#restore-}
restore=\${restore%-staged}
${restoreHeadOf('"$restore"')}
way_back=${wayBack}
about=${shellWord(aboutWayBack(way))}
taken_at=${way.revision}
known_margin=${way.margins.known} unknown_margin=${way.margins.unknown}
${outerLoop}
look_at_all() (
${checkPart(way)}
)
inspect_snapshot() (
${inspectPart(way.revision)}
)
stop_control_plane() (
${stopControlPlanePart}
)
stop_old_etcd() (
${stopEtcdPart}
)
restore_data() (
read -r target token cluster < "$dir/decision"
${restoreDataPart}
)
start_new_etcd() (
${startEtcdPart(way.version)}
)
start_api_server() (
${startApiServerPart}
)
start_controllers() (
${startControllersPart}
)
clear_up() (
${finishPart}
rm -rf "$way_back"
)
${staging}${deciding}${booting}
main
`;
}

/** After it has stopped something, nobody could ask for it again (W3). */
const outerLoop = `
if [ -z "\${ascent_try:-}" ]; then
  while :; do
    code=0
    ascent_try=yes /bin/sh "$0" || code=$?
    if [ "$code" = 0 ] || [ ! -e "$dir/stopping" ]; then exit "$code"; fi
    echo "it goes on in ${tryAgainSeconds} s: the last try ended with $code"
    sleep ${tryAgainSeconds}
  done
fi
`;

const staging = `
# (W1)
take_staged() {
  if [ ! -e "$way_back/about" ]; then refuse "no way back is staged in $way_back"; fi
  if [ "$(cat "$way_back/about")" != "$about" ]; then
    refuse "the way back in $way_back is another one: $(cat "$way_back/about")"
  fi
  if [ ! -e "$way_back/snapshot.db" ]; then refuse "$way_back/snapshot.db is not there"; fi
  phase 'looking whether all that is needed is there'
  mkdir -p "$bin"
  cp -p "$way_back"/bin/* "$bin/"
  # One file with two names, which needs no room, unless they are of several file systems.
  if [ ! -e "$dir/snapshot.db" ]; then
    ln "$way_back/snapshot.db" "$dir/snapshot.db" 2> /dev/null ||
      cp "$way_back/snapshot.db" "$dir/snapshot.db"
  fi
  echo "\${about##* }  $dir/snapshot.db" | sha256sum --check --status ||
    { rm -f "$dir/snapshot.db"; refuse "$way_back/snapshot.db is not what was staged"; }
  look_at_all
  inspect_snapshot
}
`;

const deciding = `
# As many members as there are machines choose it: one.
decide() {
  seen=$(cat "$dir/revision")
  margin=$known_margin
  case $seen in '' | *[!0-9]*) seen=0 margin=$unknown_margin ;; esac
  highest=$(cat "$restores/highest" 2> /dev/null || echo 0)
  floor=$taken_at
  for each in "$seen" "$highest"; do
    if [ "$each" -gt "$floor" ]; then floor=$each; fi
  done
  echo "$((floor + margin)) restore-$restore $(cat "$dir/member")" | note decision
}
`;

const booting = `
# A machine that dies is asked by nobody: its next boot is to go on (W3).
go_on_at_boot() {
  echo "$restore" > "$way_back/begun.new"
  sync "$way_back/begun.new"
  mv "$way_back/begun.new" "$way_back/begun"
  if [ ! -d /run/systemd/system ]; then return; fi
  mkdir -p "$(dirname ${wanted})"
  cat > ${unit} <<'END'
[Unit]
Description=Goes on with a restore by Ascent in which this machine has died
After=local-fs.target network-online.target containerd.service crio.service
Wants=network-online.target

[Service]
Type=oneshot
ExecStart=/bin/sh ${wayBack}/restore
END
  ln -sf ${unit} ${wanted}
  sync "$way_back" ${unit} "$(dirname ${wanted})"
}

not_at_boot() { rm -f ${wanted} ${unit}; }

# NAME COMMAND (W2)
once() {
  if [ -e "$dir/done-$1" ]; then return; fi
  "$2"
  date -u +%FT%TZ | note "done-$1"
}

main() {
  if [ -e "$dir/done-controllers" ]; then
    not_at_boot
    clear_up
    return
  fi
  mkdir -p "$dir"
  if [ ! -e "$dir/stopping" ]; then
    take_staged
    go_on_at_boot
    date -u +%FT%TZ | note stopping
  fi
  once stop stop_control_plane
  once stop-etcd stop_old_etcd
  once decide decide
  once data restore_data
  once etcd start_new_etcd
  once api-server start_api_server
  once controllers start_controllers
  not_at_boot
  clear_up
  echo 'the control plane is restored'
}
`;

/** For people and for the next boot. Argument: the restore; without one, what was begun. */
const restoreCommand = `#!/bin/sh
# Returns the control plane of this machine to the snapshot beside this file, which 'about' names:
#   sh ${wayBack}/restore NAME
# 'ascent status' tells NAME while a rollback waits for it. What was written since is lost.
set -eu
${scriptEnvironment}
cd ${wayBack}
restore=\${1:-$(cat begun 2> /dev/null || true)}
case $restore in
  '') echo 'usage: sh ${wayBack}/restore NAME (ascent status tells it)' >&2; exit 64 ;;
  *[!A-Za-z0-9._~%-]*) echo "no restore has the name $restore" >&2; exit 64 ;;
esac
if [ -e begun ] && [ "$(cat begun)" != "$restore" ]; then
  echo "restore $(cat begun) was begun here: name that one" >&2
  exit 64
fi
journal=${journalDirectory}
umask 077
mkdir -p "$journal"
sh begin-alone "$journal" "restore-$restore-alone" begin 0 0 ${stagedLimitSeconds} etcd > /dev/null
sh begin "$journal" "restore-$restore-staged" begin 0 0 ${stagedLimitSeconds} control-plane
echo "it goes on by itself, and tells how far it is in $journal/restore-$restore-staged/output"
`;

/** Of a step that only ends others. */
export const aloneScript = 'echo "nothing else changes etcd"\n';

const endOfFile = 'ASCENT-END-OF-FILE';

function fileOf(name: string, content: string): string {
  return `cat > ${name} <<'${endOfFile}'\n${content}\n${endOfFile}\n`;
}

/** The last of staging: what is there is whole by then, and takes the place of another one. */
export function stageScript(way: WayBack): string {
  return `${restoreHeadOf("'way-back'", newWayBack)}
if [ -e ${wayBack}/begun ]; then
  echo "restore $(cat ${wayBack}/begun) was begun on this machine, and is not done" >&2
  exit ${refusedCode}
fi
cd ${newWayBack}
${fileOf('begin-alone', journalScript(aloneScript))}
${fileOf('begin', journalScript(stagedRestoreScript(way)))}
${fileOf('restore', restoreCommand)}
(
${inspectPart(way.revision)}
) >&2
rm -rf target member old-pki
echo ${shellWord(aboutWayBack(way))} > about
find . -exec sync {} +
rm -rf ${wayBack}
mv ${newWayBack} ${wayBack}
sync ${wayBack} /var/lib/ascent
`;
}

/** Prints which way back is staged; nothing where there is none. */
export const stagedAboutScript = `
if [ -e ${wayBack}/snapshot.db ]; then cat ${wayBack}/about 2> /dev/null || true; fi
`;

/** Argument: the restore. Prints \`begun\` where something of it was stopped on this machine. */
export const stagedBegunScript = `
if [ -e "/var/lib/ascent/restores/$1/stopping" ]; then echo begun; fi
`;

/** What is staged goes, unless a restore is under way with it. */
export const unstageScript = `
if [ -e ${wayBack}/begun ]; then exit 0; fi
rm -rf ${wayBack} ${newWayBack}
if [ -d /var/lib/ascent ]; then sync /var/lib/ascent; fi
`;
