// What a kubelet tells of the static pods of a control plane: a part of scripts.
// P1. A manifest is replaced by a rename from outside of its directory: the kubelet reads whatever
//     lies there.
// P2. Running is what the mirror pod tells that the kubelet made of the new manifest, and what the
//     component itself answers.
// P3. A kubelet of another minor may start every container again (1.30 does), also those of static
//     pods, some seconds after itself, and what the API told of them is true no more: they are to
//     run for a while, and a kube-controller-manager is to lead.

import { shellWord } from './machine-script';

const functions = `
kube() { "$(place_of kubectl)" --kubeconfig "$kubernetes/admin.conf" --request-timeout 10s "$@"; }

# From a file that is not in use. (P1)
put_file() {
  if cmp -s "$1" "$2"; then return; fi
  echo "putting $2 in place"
  cp -p "$1" "$kubernetes/.ascent.new"
  sync "$kubernetes/.ascent.new"
  mv -f "$kubernetes/.ascent.new" "$2"
  sync "$(dirname "$2")"
}

# What died between two renames has no manifest, or an empty one.
mend_manifests() {
  for component in $components; do
    if [ -s "$manifests/$component.yaml" ]; then continue; fi
    from_kept=$(ls -1t "$kept"/v*/manifests/"$component.yaml" 2> /dev/null | head -n 1)
    if [ -z "$from_kept" ]; then
      refuse "$manifests/$component.yaml is not there: kubeadm has made no control plane here"
    fi
    put_file "$from_kept" "$manifests/$component.yaml"
  done
}

# (P2)
runs() {
  container="?(@.name==\\"$1\\")"
  told=$(kube -n kube-system get pod -l "component=$1,tier=control-plane" \\
    --field-selector "spec.nodeName=$node" -o "jsonpath={range .items[*]}\\
{.spec.containers[$container].image} {.status.containerStatuses[$container].ready}{end}") ||
    return 1
  case $told in
    *"/$1:$2 true" | *"/$1:$2@"*" true") return 0 ;;
    *) return 1 ;;
  esac
}

serves_here() {
  endpoint=$(sed -n 's,^.*kube-apiserver.advertise-address.endpoint: *,,p' \\
    "$manifests/kube-apiserver.yaml" | tr -d "\\"'")
  if [ -z "$endpoint" ]; then return 0; fi
  kube --server "https://$endpoint" get --raw /readyz > /dev/null
}

# Nothing without --leader-elect.
lease_renewed() {
  kube -n kube-system get lease kube-controller-manager --ignore-not-found \\
    -o 'jsonpath={.spec.renewTime}'
}

# Ready is not yet leading: until then nobody takes pods that end out of their Services. (P3)
leads_since() {
  renewed=$(lease_renewed) || return 1
  [ -z "$renewed" ] || [ "$renewed" != "$1" ]
}

# VERSION, and how many seconds on end. (P3)
until_control_plane_runs() {
  echo "phase: waiting for $1 to run"
  seen=0
  for second in $(seq 240); do
    missing=
    for component in $components; do
      if ! runs "$component" "$1" 2> /dev/null; then missing="$missing $component"; fi
    done
    if [ -n "$missing" ] || ! serves_here 2> /dev/null; then seen=0
    elif [ "$seen" = 0 ]; then renewed_first=$(lease_renewed 2> /dev/null) && seen=1
    else
      seen=$((seen + 1))
      if [ "$seen" -gt "$2" ] && leads_since "$renewed_first" 2> /dev/null; then return; fi
    fi
    sleep 1
  done
  for component in $missing; do
    echo "reason: the kubelet does not run $component $1: \${told:-its pod is not there}"
  done
  if [ -z "$missing" ]; then
    echo "reason: its API server does not answer, or no kube-controller-manager leads"
  fi
  exit 1
}
`;

/** After those of keepScript and programsScript. Machines are named as their nodes are. */
export function mirrorPodsScript(node: string): string {
  return `
node=${shellWord(node)}
${functions}`;
}
