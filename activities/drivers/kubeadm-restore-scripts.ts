// What a restore does on a control plane that kubeadm made: a script for each of its phases.
//
// /var/lib/ascent/restores/<restore>/, root's own:
//   snapshot.db   what is restored; removed when all is done
//   bin/          etcdctl, and etcdutl where there is one, of the etcd that took it; as long
//   target/       the static pods to end with
//   unit/         how etcd runs, where it is a unit (etcd-unit-scripts.ts)
//   old-pki       where certificates are those of before the upgrade as well
//   member        NAME=PEER-URL
//   revision      the last one of the data that was stopped
//   decision      what all members restore alike: revision, token, members
//   restored      when its data was
// /etc/kubernetes/ascent/<restore>/: the static pods that were stopped.
// Beside the data of etcd, in its directory: member.before-<restore>.
//
// R1. Before `stop` nothing is changed that runs.
// R2. Every script may be run again after any of its lines.
// R3. Data is replaced by renames within one directory, which may be a file system of its own. What
//     was replaced stays, for the last two restores.

import { certificates, etcdPrograms, staticPods } from './kubeadm-restore-parts';
import { type EtcdUnit, etcdUnitScript } from './etcd-unit-scripts';
import { keptDirectory } from './kubeadm-kept';
import {
  componentWords,
  refusedCode,
  scriptEnvironment,
  scriptHead,
  shellWord,
} from './machine-script';

const restores = '/var/lib/ascent/restores';
const stopped = '/etc/kubernetes/ascent';

const kept = 3;

/** Of etcd's data beside the snapshot: two segments of its log, and what it writes first. */
const dataRoomKib = 256 * 1024;
/** Of its programs. */
const programRoomKib = 128 * 1024;

const etcdAsPod = `
etcd_yaml=$dir/target/etcd.yaml
stop_etcd() { stop_pods etcd; }
start_etcd() { start_pod "$dir/target" etcd; }
`;

function etcdAsUnit(unit: EtcdUnit): string {
  return `${etcdUnitScript(unit)}
etcd_yaml=$dir/unit/unit.yaml
`;
}

/** Begins every script. `id`: a file name. `unit`: where etcd is one; absent: a static pod. */
export function restoreHead(id: string, unit?: EtcdUnit): string {
  const name = shellWord(id);
  return restoreHeadOf(name, `$restores/${name}`, unit);
}

/** The same; `name`: the word of sh that is the restore. */
export function restoreHeadOf(
  name: string,
  directory = `$restores/${name}`,
  unit?: EtcdUnit,
): string {
  return `
${scriptHead}
umask 077
restores=${restores}
dir=${directory}
aside=${stopped}/${name}
before=member.before-${name}
bin=$dir/bin
${staticPods}${etcdPrograms}${unit === undefined ? etcdAsPod : etcdAsUnit(unit)}
# Written whole, and on the disk.
note() {
  cat > "$dir/$1.new"
  sync "$dir/$1.new"
  mv "$dir/$1.new" "$dir/$1"
  sync "$dir"
}
`;
}

export interface RestoreTarget {
  readonly version: string;
  readonly etcdVersion: string;
  /** Of the snapshot; 0 where none comes. */
  readonly bytes: number;
}

// What follows as `…Part` comes after the head. A part may end with `exit 0`.

/** A problem a line; `problems` says whether there are any. */
export const countingPart = String.raw`
problems=0
problem() { echo "$1"; problems=1; }

room_in() { df -Pk "$1" | awk 'NR == 2 { print $4 }'; }
disk_of() { df -Pk "$1" | awk 'NR == 2 { print $1 " " $6 }'; }
room() {
  if [ "$(room_in "$1")" -ge "$2" ]; then return; fi
  problem "$1 has $(room_in "$1") KiB left, and a restore needs $2"
}
`;

const choosing = String.raw`
# Whether the manifest is of this release.
is_of() { [ -e "$1" ] && [ "$(release_of "$(image_of "$1")")" = "$2" ]; }

choose() {
  new=$dir/target.new
  rm -rf "$new"
  mkdir -p "$new"
  rm -f "$dir/old-pki"
  for pod in $components; do
    if is_of "$manifests/$pod.yaml" "$version"; then cp "$manifests/$pod.yaml" "$new/$pod.yaml"
    elif is_of "$kept/manifests/$pod.yaml" "$version"; then
      cp "$kept/manifests/$pod.yaml" "$new/$pod.yaml"
      : > "$dir/old-pki"
    else problem "there is no $pod.yaml of $version in $manifests or $kept/manifests"; fi
  done
  if [ -n "$etcd_version" ]; then choose_etcd; fi
  if [ "$problems" = 1 ]; then return; fi
  rm -rf "$dir/target"
  mv "$new" "$dir/target"
}

choose_etcd() {
  chosen=
  for place in "$manifests" "$kept/manifests" /etc/kubernetes/ascent/*; do
    if is_of "$place/etcd.yaml" "$etcd_version"; then chosen=$place/etcd.yaml; break; fi
  done
  if [ -z "$chosen" ]; then
    problem "there is no etcd.yaml of etcd $etcd_version in $manifests or $kept/manifests"
  else cp "$chosen" "$new/etcd.yaml"; fi
}

have_image() {
  image=$(image_of "$1")
  if cri inspecti "$image" > /dev/null 2>&1 || cri pull "$image" > /dev/null 2>&1; then return; fi
  problem "image $image is not there and cannot be pulled"
}
`;

/** Chooses what it ends with, and changes nothing else (R1). Refuses with every problem. */
export function checkScript(id: string, target: RestoreTarget): string {
  return `${restoreHead(id)}${checkPart(target)}`;
}

export function checkPart({ version, etcdVersion, bytes }: RestoreTarget): string {
  return `${choosePart(version, etcdVersion)}${dataRoomPart(bytes)}
take_etcd_programs "$(image_of "$etcd_yaml")" || exit ${refusedCode}
${noteMemberPart}`;
}

/** `etcdVersion`: empty where etcd is no static pod there. */
export function choosePart(version: string, etcdVersion: string): string {
  return `
version=${version} etcd_version=${etcdVersion} kept=${keptDirectory}/v${version}
components='${componentWords}'
mkdir -p "$dir"
${countingPart}${choosing}
command -v crictl > /dev/null || refuse 'crictl is not there: install cri-tools'
command -v kubectl > /dev/null || refuse 'kubectl is not there'
[ -n "$runtime" ] || refuse 'the kubelet does not say where its container runtime is'
choose
if [ "$problems" = 1 ]; then exit ${refusedCode}; fi
for manifest in "$dir"/target/*.yaml; do have_image "$manifest"; done
`;
}

/** After `countingPart`; exits where there is any problem. */
export function dataRoomPart(bytes: number): string {
  const snapshotKib = Math.ceil(bytes / 1024);
  return `
data=$(flag_of "$etcd_yaml" data-dir)
mkdir -p "$data"
comes=${snapshotKib}
if [ -e "$dir/snapshot.db" ]; then comes=0; fi
own=$((comes + ${programRoomKib})) new=$((${snapshotKib} + ${dataRoomKib}))
if [ "$(disk_of "$dir")" = "$(disk_of "$data")" ]; then room "$data" $((own + new))
else room "$dir" "$own"; room "$data" "$new"; fi
if [ "$problems" = 1 ]; then exit ${refusedCode}; fi
`;
}

export const noteMemberPart = `
echo "$(flag_of "$etcd_yaml" name)=$(flag_of "$etcd_yaml" initial-advertise-peer-urls)" |
  note member
echo 'all that a restore needs is there'
`;

/** For `run` with the file as its input. Arguments: the directory, SHA-256. */
export const receiveScript = `
set -eu
umask 077
${scriptEnvironment}
mkdir -p "$1"
cat > "$1/snapshot.db.part"
sync "$1/snapshot.db.part"
[ "$(sha256sum < "$1/snapshot.db.part")" = "$2  -" ] ||
  { echo 'it came as something else' >&2; exit 1; }
mv "$1/snapshot.db.part" "$1/snapshot.db"
sync "$1"
`;

/** The same arguments. Ends with 0 where the file is there. */
export const receivedScript = `
[ -e "$1/snapshot.db" ] && [ "$(sha256sum < "$1/snapshot.db")" = "$2  -" ]
`;

export function directoryOf(id: string): string {
  return `${restores}/${id}`;
}

/** Before anything is stopped: a file that cannot be restored would be seen too late. */
export function inspectScript(id: string, revision: number, unit?: EtcdUnit): string {
  return `${restoreHead(id, unit)}${inspectPart(revision)}`;
}

export function inspectPart(revision: number): string {
  return `
found=$(restorer snapshot status "$dir/snapshot.db" -w json) || refuse 'it is no snapshot'
case $found in
  *'"revision":${revision},'*) ;;
  *) refuse "the snapshot is not of revision ${revision}: $found" ;;
esac
`;
}

export const stopControlPlanePart = `
stop_pods ${componentWords}
`;

export function stopControlPlaneScript(id: string): string {
  return `${restoreHead(id)}${stopControlPlanePart}`;
}

/** What is on the disk after the stop is at most a little behind what was served. */
export const stopEtcdPart = `
stop_etcd
db=$(flag_of "$etcd_yaml" data-dir)/member/snap/db
{ restorer snapshot status "$db" -w json 2> /dev/null || true; } |
  sed -n 's/.*"revision":\\([0-9]*\\).*/\\1/p' | note revision
`;

export function stopEtcdScript(id: string, unit?: EtcdUnit): string {
  return `${restoreHead(id, unit)}${stopEtcdPart}`;
}

export interface Decision {
  readonly target: number;
  readonly token: string;
  /** `cp-1=https://10.0.0.11:2380,…` */
  readonly cluster: string;
}

export function restoreDataScript(
  id: string,
  { target, token, cluster }: Decision,
  snapshotRevision: number,
  unit?: EtcdUnit,
): string {
  return `${restoreHead(id, unit)}
taken_at=${snapshotRevision} target=${target}
token=${shellWord(token)} cluster=${shellWord(cluster)}
${restoreDataPart}`;
}

/** After `taken_at`, the revision of the snapshot, and `target`, `token`, `cluster`: a Decision. */
export const restoreDataPart = `
phase 'restoring the data of etcd'
data=$(flag_of "$etcd_yaml" data-dir)
new=$data/.ascent-restoring
if [ ! -e "$dir/snapshot.db" ]; then echo 'the snapshot is not there any more'; exit 1; fi
rm -rf "$new"
restorer snapshot restore "$dir/snapshot.db" --data-dir="$new" \\
  --name="$(flag_of "$etcd_yaml" name)" \\
  --initial-advertise-peer-urls="$(flag_of "$etcd_yaml" initial-advertise-peer-urls)" \\
  --initial-cluster="$cluster" --initial-cluster-token="$token" \\
  --bump-revision="$((target - taken_at))" --mark-compacted > "$dir/restored.log" 2>&1 ||
  { tail -n 3 "$dir/restored.log"; exit 1; }
chown -R --reference="$data" "$new"
# What stands in the place of data that is aside is of an earlier attempt.
if [ -e "$data/$before" ]; then rm -rf "$data/member"
elif [ -e "$data/member" ]; then mv "$data/member" "$data/$before"; fi
mv "$new/member" "$data/member"
rmdir "$new"
sync -f "$data"
echo "$target" > "$restores/highest"
date -u +%FT%TZ | note restored
`;

export function startEtcdScript(id: string, version: string): string {
  return `${restoreHead(id)}${startEtcdPart(version)}`;
}

/** With the certificates of the control plane beside it, of `version`. */
export function startEtcdPart(version: string): string {
  return `${certificatesPart(version)}${startingEtcdPart}`;
}

export function certificatesPart(version: string): string {
  return `
kept=${keptDirectory}/v${version}
${certificates}
put_back_certificates
`;
}

export const startingEtcdPart = `
start_etcd
if within 180 etcd "$etcd_yaml" endpoint health; then echo 'etcd is healthy'; exit 0; fi
etcd "$etcd_yaml" endpoint health || true
exit 1
`;

export const startApiServerPart = `
start_pod "$dir/target" kube-apiserver
yaml=$dir/target/kube-apiserver.yaml
url=https://$(flag_of "$yaml" advertise-address):$(flag_of "$yaml" secure-port)
ready() {
  kubectl --kubeconfig /etc/kubernetes/admin.conf --server "$url" --request-timeout 5s \\
    get --raw /readyz
}
if within 240 ready; then echo 'the API server is ready'; exit 0; fi
ready || true
exit 1
`;

/** `certificatesOf`: where they have not returned with an etcd beside it. */
export function startApiServerScript(id: string, certificatesOf?: string): string {
  const returning = certificatesOf === undefined ? '' : certificatesPart(certificatesOf);
  return `${restoreHead(id)}${returning}${startApiServerPart}`;
}

export const startControllersPart = `
for pod in kube-controller-manager kube-scheduler; do start_pod "$dir/target" "$pod"; done
both_run() {
  [ -n "$(running kube-controller-manager)" ] && [ -n "$(running kube-scheduler)" ]
}
if within 120 both_run; then echo 'controller-manager and scheduler run'; exit 0; fi
echo 'controller-manager or scheduler does not start'
exit 1
`;

export function startControllersScript(id: string): string {
  return `${restoreHead(id)}${startControllersPart}`;
}

export const finishPart = `
rm -rf "$dir/snapshot.db" "$dir/snapshot.db.part" "$bin"
data=
if [ -e "$etcd_yaml" ]; then data=$(flag_of "$etcd_yaml" data-dir); fi
prune() { tail -n "+$(($1 + 1))" | while read -r old; do rm -rf "$old"; done; }
if [ -n "$data" ]; then ls -1dt "$data"/member.before-* 2> /dev/null | prune 2; fi
for place in "$restores" ${stopped}; do ls -1dt "$place"/*/ 2> /dev/null | prune ${kept}; done
`;

export function finishScript(id: string, unit?: EtcdUnit): string {
  return `${restoreHead(id, unit)}${finishPart}`;
}

/** What a machine knows of it: `NAME: TEXT` lines. Changes nothing. */
export function knownScript(id: string): string {
  return `
cd ${restores} 2> /dev/null || exit 0
if [ -e highest ]; then echo "highest: $(cat highest)"; fi
cd ${shellWord(id)} 2> /dev/null || exit 0
for name in member revision decision restored; do
  if [ -e "$name" ]; then echo "$name: $(cat "$name")"; fi
done
`;
}

/** Argument: the decision. */
export function decideScript(id: string): string {
  return `${restoreHead(id)}
echo "$1" | note decision
`;
}

/** Revision and hash of its keys, as etcd tells them. */
export function hashScript(id: string, unit?: EtcdUnit, revision = 0): string {
  return `${restoreHead(id, unit)}
etcd "$etcd_yaml" endpoint hashkv ${revision === 0 ? '' : `--rev ${revision} `}-w json
`;
}
