// What the repair of an etcd member does on its machine, and on that of a healthy one: scripts
// beside those of a restore, with a directory of the same kind (kubeadm-restore-scripts.ts). On the
// healthy machine only `bin` and a copy of etcd.yaml are in it.

import type { EtcdUnit } from './etcd-unit-scripts';
import { certificatesPart, restoreHead, startingEtcdPart } from './kubeadm-restore-scripts';
import { forgetWayBackPart } from './kubeadm-staged-scripts';
import { componentWords, shellWord } from './machine-script';

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

/** The same where etcd is a unit. */
export function sourceUnitScript(id: string, unit: EtcdUnit): string {
  return `${restoreHead(id, unit)}
unit_runs || { echo "$unit does not run as etcd there"; exit 1; }
mkdir -p "$dir"
describe_unit "$dir/unit"
take_unit_programs || { echo 'there is no etcdctl beside its etcd that restores'; exit 1; }
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
export function hasEntryScript(id: string, name: string, unit?: EtcdUnit): string {
  return `${restoreHead(id, unit)}
etcd "$etcd_yaml" member list | grep -q ${shellWord(`, started, ${name},`)}
`;
}

/** What is left of its data is not thrown away: nobody has looked at it yet. */
export function putAsideScript(id: string, unit?: EtcdUnit): string {
  const stopping = `stop_pods ${componentWords} etcd`;
  return `${restoreHead(id, unit)}
${unit === undefined ? stopping : 'stop_etcd'}
data=$(flag_of "$etcd_yaml" data-dir)
lost=$data/member.lost-${shellWord(id)}
if [ -e "$data/member" ]; then
  if [ -e "$lost" ]; then rm -rf "$data/member"; else mv "$data/member" "$lost"; fi
  sync "$data"
fi
ls -1dt "$data"/member.lost-* 2> /dev/null | tail -n +3 | while read -r old; do rm -rf "$old"; done
# Of the restore that went on without it.
${unit === undefined ? forgetWayBackPart : ''}
rm -f "$restores"/*/snapshot.db "$restores"/*/snapshot.db.part
`;
}

/** `entry`: `NAME=PEER-URL`. One that an attempt before has added, and not started, goes too. */
export function addScript(id: string, entry: string, unit?: EtcdUnit): string {
  return `${restoreHead(id, unit)}
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
export function listScript(id: string, name: string, unit?: EtcdUnit): string {
  return `${restoreHead(id, unit)}
etcd "$etcd_yaml" member list |
  sed -n 's/^[^,]*, [a-z]*, \\([^,]*\\), \\([^,]*\\),.*/\\1=\\2/p' |
  sed ${shellWord(`s/^=/${name}=/`)} | paste -s -d , -
`;
}

/** `cluster`: all of its members, itself included. */
export function joinScript(id: string, version: string, cluster: string): string {
  return `${restoreHead(id)}${certificatesPart(version)}
sed -i '/--initial-cluster-state=/d' "$etcd_yaml"
sed -i 's|^\\( *- \\)--initial-cluster=.*|\\1--initial-cluster=${cluster}\\
\\1--initial-cluster-state=existing|' "$etcd_yaml"
sync "$etcd_yaml"
${startingEtcdPart}`;
}

const joining = String.raw`
ofCluster='initial-cluster|initial-cluster-state|initial-cluster-token|discovery[a-z-]*'
# All that it runs with but what is said of the cluster.
own_words() {
  grep -vE "^--($ofCluster|force-new-cluster)=" "$dir/unit/arguments" || true
  echo "--initial-cluster=$cluster"
  echo --initial-cluster-state=existing
}
own_lines() {
  grep -vE "^($ofCluster|force-new-cluster)[ \t]*:" "$dir/unit/config.yaml" || true
  echo
  echo "initial-cluster: $cluster"
  echo 'initial-cluster-state: existing'
}
own_variables() {
  grep -vE '^ETCD_(INITIAL_CLUSTER|DISCOVERY|FORCE_NEW_CLUSTER|CONFIG_FILE)' \
    "$dir/unit/environment" | grep '^[A-Za-z_][A-Za-z0-9_]*=' || true
}

# Words of a command, a line each, behind those that are there.
join_cluster() {
  data=$(flag_of "$etcd_yaml" data-dir)
  own_variables > "$dir/variables"
  if [ -e "$dir/unit/config.yaml" ]; then
    own_lines > "$data/.ascent-join.yaml"
    chown --reference="$data" "$data/.ascent-join.yaml"
    echo "--config-file=$data/.ascent-join.yaml" > "$dir/words"
  else own_words > "$dir/words"; fi
  set -- setpriv --reuid="$(stat -c %u "$data")" --regid="$(stat -c %g "$data")" --clear-groups \
    env -i
  while IFS= read -r word; do set -- "$@" "$word"; done < "$dir/variables"
  set -- "$@" "$(flag_of "$etcd_yaml" program)"
  while IFS= read -r word; do set -- "$@" "$word"; done < "$dir/words"
  cd "$(cat "$dir/unit/directory")"
  exec "$@"
}

end_joiner() {
  kill "$joiner" 2> /dev/null || true
  wait "$joiner" || true
  rm -f "$(flag_of "$etcd_yaml" data-dir)/.ascent-join.yaml"
}
`;

/**
 * The same of a unit, which may say that it begins a cluster of its own: a process with all else of
 * what it says joins, as the owner of the data, and makes room for the unit when it has all of it.
 * What the unit says of the cluster counts no more then.
 */
export function joinUnitScript(id: string, unit: EtcdUnit, cluster: string): string {
  return `${restoreHead(id, unit)}
cluster=${shellWord(cluster)}
${joining}
phase 'fetching the data of the others'
join_cluster > "$dir/join.log" 2>&1 &
joiner=$!
trap end_joiner EXIT
if ! within 180 etcd "$etcd_yaml" endpoint health; then
  tail -n 3 "$dir/join.log"
  exit 1
fi
trap - EXIT
end_joiner
${startingEtcdPart}`;
}
