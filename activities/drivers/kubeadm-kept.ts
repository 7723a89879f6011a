// What a machine of a kubeadm cluster was before it was changed, kept aside on its own disk: for a
// member that is put back, for a restore of etcd, and for whoever repairs it by hand.
//
// /var/lib/ascent/kept/v1.28.15/, root's own:
//   manifests/           kube-apiserver.yaml, kube-controller-manager.yaml, kube-scheduler.yaml,
//                        etcd.yaml (where it is stacked); only of a control plane
//   kubelet/             config.yaml, kubeadm-flags.env
//   bin/                 kubeadm, kubelet, kubectl
//   pki/                 a copy of /etc/kubernetes/pki; only of a control plane
//   conf/                a copy of /etc/kubernetes/*.conf; only of a control plane
//   kubeadm-config.yaml  ClusterConfiguration; only of a control plane whose API server answered
//
// E1. It is there as a whole or not at all, and on the disk before anything is changed.
// E2. It holds nothing of the version that follows: a step that is begun again in mid-way, with its
//     kubeadm replaced, leaves what the first one kept.
// E3. The three that were kept last stay.

import { componentWords, shellWord } from './machine-script';

export const keptDirectory = '/var/lib/ascent/kept';

const paths = `
kubernetes=$disk/etc/kubernetes
manifests=$kubernetes/manifests
kept=$disk${keptDirectory}
components='${componentWords}'
`;

const tags = `
is_older() {
  [ "$1" != "$2" ] && [ "$(printf '%s\\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

tag_of() {
  if [ ! -e "$manifests/$1.yaml" ]; then return; fi
  sed -n "s,^ *\\(- \\)*image: *[\\"']*[^\\"' ]*/$1:\\([^\\"'@ ]*\\).*,\\2,p" "$manifests/$1.yaml" |
    head -n 1
}

control_plane_version() {
  first=$(tag_of kube-apiserver)
  [ -n "$first" ] || return 1
  for component in $components; do
    [ "$(tag_of "$component")" = "$first" ] || return 1
  done
  echo "$first"
}
`;

const keep = `
keep_member() { keep "$1" member; }
keep_node() { keep "$1" node; }

keep() {
  place=$kept/$1 new=$kept/.$1.new old=$kept/.$1.old
  if [ ! -e "$place" ] && [ -e "$old" ]; then mv "$old" "$place"; fi
  if [ -e "$place" ]; then
    # (E2)
    if [ "$(version_of "$(place_of kubeadm)")" != "$1" ]; then return; fi
    # More than a node's step would keep.
    if [ "$2" = node ] && [ -e "$place/manifests" ]; then return; fi
  fi
  echo "phase: keeping $1 aside"
  rm -rf "$new" "$old"
  (umask 077 && mkdir -p "$kept")
  need_room "$kept" "$(kept_kib)" "keeping $1 aside"
  trap 'rm -rf "$new"' EXIT
  (umask 077 && fill_kept "$new" "$2")
  find "$new" -exec sync {} +
  if [ -e "$place" ]; then mv "$place" "$old"; fi
  mv "$new" "$place"
  trap - EXIT
  rm -rf "$old"
  sync "$kept"
  # (E3)
  ls -1dt "$kept"/v*/ | tail -n +4 | while read -r outdated; do rm -rf "$outdated"; done
}
`;

const fill = `
# Beside the programs, certificates and manifests take a few of these.
kept_kib() {
  kib=1024
  for program in kubeadm kubelet kubectl; do
    if [ -e "$(place_of "$program")" ]; then
      kib=$((kib + $(du -k "$(place_of "$program")" | cut -f 1)))
    fi
  done
  echo "$kib"
}

fill_kept() {
  mkdir -p "$1/kubelet" "$1/bin"
  chmod 700 "$kept"
  for file in config.yaml kubeadm-flags.env; do
    keep_file "$disk/var/lib/kubelet/$file" "$1/kubelet/$file"
  done
  for program in kubeadm kubelet kubectl; do
    keep_file "$(place_of "$program")" "$1/bin/$program"
  done
  if [ "$2" = member ]; then
    mkdir "$1/manifests" "$1/conf"
    for component in $components etcd; do
      keep_file "$manifests/$component.yaml" "$1/manifests/$component.yaml"
    done
    cp -a "$kubernetes/pki" "$1/pki"
    for file in "$kubernetes"/*.conf; do keep_file "$file" "$1/conf/$(basename "$file")"; done
    if ! cluster_configuration > "$1/kubeadm-config.yaml" || [ ! -s "$1/kubeadm-config.yaml" ]
    then
      rm "$1/kubeadm-config.yaml"
      keep_file "$kept/$(basename "$place")/kubeadm-config.yaml" "$1/kubeadm-config.yaml"
    fi
  fi
}

keep_file() {
  if [ -e "$1" ]; then cp -p --reflink=auto "$1" "$2"; fi
}

# As ConfigMap kubeadm-config has it.
cluster_configuration() {
  "$(place_of kubectl)" --kubeconfig "$kubernetes/admin.conf" --request-timeout 10s \\
    -n kube-system get configmap kubeadm-config -o 'jsonpath={.data.ClusterConfiguration}'
}
`;

/**
 * Functions for scripts, beside those of kubeadm-programs.ts (`version_of`, `place_of`). `disk`
 * comes before every path.
 * - `is_older VERSION VERSION`: than the second.
 * - `tag_of COMPONENT`: of the image in its manifest, nothing where there is none.
 * - `control_plane_version`: the one that all three manifests name; fails where they differ.
 * - `keep_member VERSION`: all of a control plane whose three components are of that version.
 * - `keep_node VERSION`: the kubelet's files and the programs, of a kubelet of that version.
 */
export function keepScript(disk = ''): string {
  return `
disk=${shellWord(disk)}${paths}${tags}${keep}${fill}`;
}
