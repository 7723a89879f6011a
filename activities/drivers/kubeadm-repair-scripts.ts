// What the repair of an etcd member does on its machine, and on that of a healthy one: scripts
// beside those of a restore, with a directory of the same kind (kubeadm-restore-scripts.ts). On the
// healthy machine only `bin` and a copy of etcd.yaml are in it.

import { keptDirectory } from './kubeadm-kept';
import { restoreHead } from './kubeadm-restore-scripts';
import { certificates } from './kubeadm-restore-parts';
import { shellWord } from './machine-script';

/** On a healthy machine: fails where its etcd is none. */
export function sourceScript(id: string): string {
  return `${restoreHead(id)}
[ -e "$manifests/etcd.yaml" ] || { echo 'it has no etcd.yaml'; exit 1; }
mkdir -p "$dir/target"
cp "$manifests/etcd.yaml" "$etcd_yaml"
take_etcd_programs "$(image_of "$etcd_yaml")" || exit 1
etcd "$etcd_yaml" endpoint health || { echo 'its etcd is not healthy'; exit 1; }
`;
}

/** Of the API server and etcd there, on one line. */
export function versionsScript(id: string): string {
  return `${restoreHead(id)}
echo "$(release_of "$(image_of "$manifests/kube-apiserver.yaml")")" \\
  "$(release_of "$(image_of "$etcd_yaml")")"
`;
}

/** Whether the list has it, started. */
export function hasEntryScript(id: string, name: string): string {
  return `${restoreHead(id)}
etcd "$etcd_yaml" member list | grep -q ${shellWord(`, started, ${name},`)}
`;
}

/** What is left of its data is not thrown away: nobody has looked at it yet. */
export function putAsideScript(id: string): string {
  return `${restoreHead(id)}
stop_pods kube-apiserver kube-controller-manager kube-scheduler etcd
data=$(flag_of "$etcd_yaml" data-dir)
lost=$data/member.lost-${shellWord(id)}
if [ -e "$data/member" ]; then
  if [ -e "$lost" ]; then rm -rf "$data/member"; else mv "$data/member" "$lost"; fi
  sync "$data"
fi
ls -1dt "$data"/member.lost-* 2> /dev/null | tail -n +3 | while read -r old; do rm -rf "$old"; done
# Of the restore that went on without it.
rm -f "$restores"/*/snapshot.db "$restores"/*/snapshot.db.part
`;
}

/** `entry`: `NAME=PEER-URL`. One that an attempt before has added, and not started, goes too. */
export function addScript(id: string, entry: string): string {
  return `${restoreHead(id)}
entry=${shellWord(entry)}
name=$(echo "$entry" | sed 's/=.*//') peer=$(echo "$entry" | sed 's/^[^=]*=//')
phase "adding $name to the members of etcd again"
etcd "$etcd_yaml" member list | grep -F ", $peer," | sed 's/,.*//' | while read -r number; do
  etcd "$etcd_yaml" member remove "$number"
done
# Refused for a while after a member has left (etcd, strict-reconfig-check).
if within 60 etcd "$etcd_yaml" member add "$name" --peer-urls="$peer"; then exit 0; fi
etcd "$etcd_yaml" member add "$name" --peer-urls="$peer"
`;
}

/** `NAME=PEER-URL` of every member; an entry that was never started has no name, and is `name`. */
export function listScript(id: string, name: string): string {
  return `${restoreHead(id)}
etcd "$etcd_yaml" member list |
  sed -n 's/^[^,]*, [a-z]*, \\([^,]*\\), \\([^,]*\\),.*/\\1=\\2/p' |
  sed ${shellWord(`s/^=/${name}=/`)} | paste -s -d , -
`;
}

/** `cluster`: all of its members, itself included. */
export function joinScript(id: string, version: string, cluster: string): string {
  return `${restoreHead(id)}
kept=${keptDirectory}/v${version}
${certificates}
put_back_certificates
sed -i '/--initial-cluster-state=/d' "$etcd_yaml"
sed -i 's|^\\( *- \\)--initial-cluster=.*|\\1--initial-cluster=${cluster}\\
\\1--initial-cluster-state=existing|' "$etcd_yaml"
sync "$etcd_yaml"
start_pod "$dir/target" etcd
if within 180 etcd "$etcd_yaml" endpoint health; then echo 'etcd is healthy'; exit 0; fi
etcd "$etcd_yaml" endpoint health || true
exit 1
`;
}
