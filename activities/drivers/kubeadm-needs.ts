// What a restore of a kubeadm cluster needs beside etcd, as its members have it below
// /etc/kubernetes: manifests, keys and certificates, and how the API server reads its data.

import type { RestoreNeed } from '../snapshot-ports';
import { etcdUnitScript, type EtcdUnit } from './etcd-unit-scripts';
import { staticPods } from './kubeadm-restore-parts';
import { componentWords, scriptHead } from './machine-script';

/**
 * Prints `KIND NAME BASE64` a line, of one member; nothing where there is no control plane. Names
 * are paths below the directory of their kind.
 */
export const listNeeds = `
set -eu
cd /etc/kubernetes 2> /dev/null && [ -e manifests/kube-apiserver.yaml ] || exit 0

tell() { echo "$1 $2 $(base64 -w 0)"; }

for file in manifests/*.yaml; do tell manifest "\${file#manifests/}" < "$file"; done
find -L pki -type f | sort | while read -r file; do tell pki "\${file#pki/}" < "$file"; done
for file in *.conf; do tell pki "$file" < "$file"; done
for component in etcd ${componentWords}; do
  if [ ! -e "manifests/$component.yaml" ]; then continue; fi
  sed -n 's/^ *- \\(--[a-z].*\\)$/\\1/p' "manifests/$component.yaml" | tell flags "$component"
done
config=$(sed -n 's/^ *- --encryption-provider-config=//p' manifests/kube-apiserver.yaml | head -n 1)
if [ -n "$config" ]; then tell encryption-config "$(basename "$config")" < "$config"; fi
`;

/**
 * The same of a member of etcd that is a unit: its flags and the files that it serves with. What it
 * runs with is noted on its machine as well, for a restore that finds nothing running. Prints
 * nothing where nothing runs.
 */
export function listUnitNeeds(unit: EtcdUnit): string {
  return `${scriptHead}${staticPods}${etcdUnitScript(unit)}
unit_runs || exit 0
read_process "$notes/.$unit.seen" "$pid"
note_unit "$notes/.$unit.seen"
rm -rf "$notes/.$unit.seen"
yaml=$notes/$unit/unit.yaml

tell() { echo "$1 $2 $(base64 -w 0)"; }

sed 's/^ *- //' "$yaml" | grep -v '^--program=' | tell flags etcd
for flag in trusted-ca-file cert-file key-file; do
  file=$(flag_of "$yaml" "$flag")
  if [ -r "$file" ]; then tell pki "etcd/$(basename "$file")" < "$file"; fi
done
`;
}

const kinds = ['manifest', 'pki', 'flags', 'encryption-config'] as const;

/** Lines that are none of listNeeds are passed over. */
export function needsIn(output: string, member: string): readonly RestoreNeed[] {
  return output.split('\n').flatMap((line) => {
    const [word, name, base64] = line.split(' ');
    const kind = kinds.find((one) => one === word);
    if (kind === undefined || name === undefined || base64 === undefined) return [];
    return [{ kind, name, member, content: Buffer.from(base64, 'base64') }];
  });
}
