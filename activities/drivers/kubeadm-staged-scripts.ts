// A restore that each machine of a control plane performs by itself, as scripts for it: nobody asks
// it for one phase after the other, because who is let in by the API server is not while that is
// away (docs/adr/0043, 0048). What a phase does is in kubeadm-restore-scripts.ts.
//
// /var/lib/ascent/way-back/, root's own, there as a whole or not at all:
//   about        which way back it is, the decision included: all members have the same
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
// W4. Machines wait for each other by etcd alone: one that is restored has no quorum before the
//     others are, and is tried again until then. Where there are several, each lets the others be
//     begun before it stops anything: whoever begins them needs the API servers for that.

import {
  checkPart,
  type Decision,
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

export interface WayBack extends RestoreTarget {
  readonly revision: number;
  readonly sha256: string;
  readonly decision: Decision;
}

/** How long it may take, whoever begins it; seconds. */
export const stagedLimitSeconds = 6 * 3_600;
const tryAgainSeconds = 10;
/** W4: for connections to all members, by way of API servers that all serve yet. */
const beforeStopSeconds = 20;
/** Of the revision that is gone to: nearer, and something is not as it was reckoned. */
const nearRevisions = 1_000_000;

/** Operations of a restore; its step finds its own name in that of its journal. */
export function stagedOperation(id: string): string {
  return `restore-${id}-staged`;
}

export function aloneOperation(id: string): string {
  return `restore-${id}-alone`;
}

/** What makes one way back the same as another, on one line. */
export function aboutWayBack({ decision, ...way }: WayBack): string {
  const { target, token, cluster } = decision;
  return (
    `Kubernetes ${way.version}, etcd ${way.etcdVersion}, revision ${way.revision}, to go on at` +
    ` ${target} as ${token} with ${cluster}, SHA-256 ${way.sha256}`
  );
}

const aboutPattern = new RegExp(
  '^Kubernetes (\\S+), etcd (\\S+), revision (\\d+), to go on at (\\d+) as (\\S+) with (\\S+),' +
    ' SHA-256 (\\S+)$',
);

/** The same, read; undefined where it is none. A file of its own does not tell its length. */
export function wayBackIn(about: string): Omit<WayBack, 'bytes'> | undefined {
  const match = aboutPattern.exec(about);
  if (match === null) return undefined;
  const [version = '', etcdVersion = '', revision, target, token = '', cluster = '', sha256 = ''] =
    match.slice(1);
  const decision = { target: Number(target), token, cluster };
  return { version, etcdVersion, revision: Number(revision), sha256, decision };
}

/** The revision that its etcd serves; nothing where it tells none. */
const present = String.raw`
present() {
  { etcd "$etcd_yaml" endpoint status -w json 2> /dev/null || true; } |
    sed -n 's/.*"revision":\([0-9]*\).*/\1/p'
}
`;

/** For what is being staged: the phase that refuses where something is missing. */
export function stageCheckScript(target: RestoreTarget): string {
  return `${restoreHeadOf("'way-back'", newWayBack)}
rm -rf "$bin"
${checkPart(target)}${present}
present | note present
`;
}

/** What was noted by stageCheckScript, and the last target: `NAME: TEXT` lines. */
export const stageFactsScript = `
cd ${newWayBack}
echo "member: $(cat member)"
echo "present: $(cat present)"
if [ -e ../restores/highest ]; then echo "highest: $(cat ../restores/highest)"; fi
`;

/** Where all that is needed is taken over from what is staged (W1). */
function takingPart(way: WayBack): string {
  const { target, token, cluster } = way.decision;
  return `
way_back=${wayBack}
about=${shellWord(aboutWayBack(way))}
taken_at=${way.revision} target=${target}
token=${shellWord(token)} cluster=${shellWord(cluster)}
look_at_all() (
${checkPart(way)}
)
inspect_snapshot() (
${inspectPart(way.revision)}
)
${present}${staging}`;
}

/** Refuses what the restore itself would refuse, and changes nothing that runs. */
export function stagedLookScript(id: string, way: WayBack): string {
  return `${restoreHeadOf(shellWord(id))}
${takingPart(way)}
take_staged
`;
}

/** The step: all phases. Its script lies in the journal that is named after the restore. */
export function stagedRestoreScript(way: WayBack): string {
  return `
restore=$(basename "$(dirname "$0")")
restore=\${restore#restore-}
restore=\${restore%-staged}
${restoreHeadOf('"$restore"')}
${outerLoop}${takingPart(way)}
stop_control_plane() (
${stopControlPlanePart}
)
stop_old_etcd() (
${stopEtcdPart}
)
restore_data() (
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
${letOthersBegin}${booting}
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
  again="remove $way_back on every member, and ask for the restore again"
  case ",$cluster," in
    *",$(cat "$dir/member"),"*) ;;
    *) refuse "$(cat "$dir/member") is not among $cluster: $again" ;;
  esac
  for seen in "$(present)" "$(cat "$restores/highest" 2> /dev/null || true)"; do
    case $seen in '' | *[!0-9]*) continue ;; esac
    if [ "$((seen + ${nearRevisions}))" -lt "$target" ]; then continue; fi
    refuse "etcd is at revision $seen or above, and was to go on at $target: $again"
  done
  echo "$about" | note about
}
`;

const letOthersBegin = `
# (W4)
let_others_begin() {
  case $cluster in *,*) ;; *) return ;; esac
  phase 'letting the other members be begun'
  sleep ${beforeStopSeconds}
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
    let_others_begin
    go_on_at_boot
    date -u +%FT%TZ | note stopping
  fi
  once stop stop_control_plane
  once stop-etcd stop_old_etcd
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
# Where there are several members, on each of them, with the same 'about' and NAME, in any order.
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
rm -rf target member old-pki present
echo ${shellWord(aboutWayBack(way))} > about
find . -exec sync {} +
rm -rf ${wayBack}
mv ${newWayBack} ${wayBack}
sync ${wayBack} /var/lib/ascent
`;
}

/**
 * Argument: the restore. Prints `begun` where something of it was stopped on this machine, and with
 * which way back; otherwise which one is staged, if any.
 */
export const stagedKnownScript = `
dir=/var/lib/ascent/restores/$1
if [ -e "$dir/stopping" ]; then
  echo begun
  cat "$dir/about" 2> /dev/null || true
elif [ -e ${wayBack}/snapshot.db ]; then cat ${wayBack}/about 2> /dev/null || true
fi
`;

/** What is staged goes, unless a restore is under way with it. */
export const unstageScript = `
if [ -e ${wayBack}/begun ]; then exit 0; fi
rm -rf ${wayBack} ${newWayBack}
if [ -d /var/lib/ascent ]; then sync /var/lib/ascent; fi
`;

/** For a machine that is to be a member again otherwise: what it was to go on with at boot goes. */
export const forgetWayBackPart = `
rm -f ${wanted} ${unit}
rm -rf ${wayBack} ${newWayBack}
`;
