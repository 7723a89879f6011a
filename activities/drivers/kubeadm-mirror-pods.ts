// What a kubelet tells of the static pods of a control plane: a part of scripts.
// P1. A manifest is replaced by a rename from outside of its directory: the kubelet reads whatever
//     lies there.
// P2. Running is what the mirror pod tells that the kubelet made of the new manifest, and what the
//     component itself answers. The kubelet asks a component every ten seconds whether it is up;
//     the same question is put here at every look, so that its next turn is not waited for. A
//     mirror pod of another hash than the kubelet's own pod is one of before.
// P3. A kubelet of another minor may start every container again (1.30 does, with other hashes),
//     also those of static pods, and what the API told of them is true no more. It does so when it
//     goes over each pod for the first time, and knows no status of a static pod before. Where it
//     does not tell, all has to run for a while.
// P4. A kubelet begins a new static pod when the one of before has ended, and looks for that every
//     ten to fifteen seconds only (backOffPeriod of its pod workers) - or when something changes of
//     the pod, and its mirror pod is part of it. An annotation there has it look at once, does
//     nothing else, and goes with the mirror pod of before.
// P5. A kube-controller-manager that is Ready does not lead yet, and the controllers of one that
//     leads begin later, with a pod network some ten seconds (the first look of its node IPAM).
//     Until they turn nobody takes pods that end out of their Services. Its own figures tell; where
//     they cannot be read, or it is another machine's, it is to have led for twenty seconds.

import { leasesScript } from './kubeadm-leases';
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

# COMPONENT HASH IMAGE READY, a line each. (P2)
mirror_pods() {
  kube -n kube-system get pod -l tier=control-plane --field-selector "spec.nodeName=$node" \\
    -o "jsonpath={range .items[*]}{.metadata.labels.component}\\
 {.metadata.annotations['kubernetes\\.io/config\\.hash']}\\
 $(of_container .spec.containers image) $(of_container .status.containerStatuses ready)\\
{\\"\\n\\"}{end}"
}

# Each of these pods has but one container that is called as a component.
of_container() {
  for each in $components; do printf '{%s[?(@.name=="%s")].%s}' "$1" "$each" "$2"; done
}

# Of those whose manifest names another image than their mirror pod. (P4)
remind_kubelet() {
  told=$(mirror_pods) || return 0
  for component in $components; do
    tag=$(tag_of "$component")
    case "$told" in *"/$component:$tag "* | *"/$component:$tag@"*) continue ;; esac
    kube -n kube-system annotate pod "$component-$node" --overwrite \\
      "ascent.dev/reminded=$(date +%s)" || true
  done
}

# HASH of each static pod, as the kubelet itself has it, and whether it knows a status. (P3)
own_pods() {
  hash='"kubernetes.io.config.hash":"\\([^"]*\\)"'
  kube get --raw "/api/v1/nodes/$node/proxy/pods" | sed 's/{"metadata":{"name":/\\n&/g' |
    sed -n -e "s/^.*$hash.*\\"containerStatuses\\":.*$/\\1 seen/p" -e t \\
      -e "s/^.*$hash.*$/\\1 new/p"
}

# SCHEME://HOST:PORT PATH that the kubelet asks whether it is up; nothing where it cannot be read,
# or another container is beside it.
probe_of() {
  awk '
    { match($0, /[^ ]/) }
    $1 == "livenessProbe:" { depth = RSTART; probes++; next }
    RSTART <= depth { depth = 0 }
    depth > 0 && NF == 2 { said[$1] = $2 }
    END {
      if (probes != 1 || said["port:"] !~ /^[0-9]+$/ || said["path:"] == "") exit
      scheme = said["scheme:"] == "HTTPS" ? "https" : "http"
      host = said["host:"] == "" ? "127.0.0.1" : said["host:"]
      if (host ~ /:/) host = "[" host "]"
      print scheme "://" host ":" said["port:"], said["path:"]
    }' "$manifests/$1.yaml" | tr -d "\\"'"
}

answers() {
  probe=$(probe_of "$1")
  [ -n "$probe" ] || return 1
  # As nobody, like the kubelet; without a name kubectl would ask for one.
  "$(place_of kubectl)" --kubeconfig /dev/null --username nobody --password none \\
    --request-timeout 5s --insecure-skip-tls-verify --server "\${probe% *}" \\
    get --raw "\${probe#* }" > /dev/null
}

# COMPONENT VERSION, of what was told in $told and $own. (P2)
runs() {
  line=$(echo "$told" | grep "^$1 ") || return 1
  set -- "$1" "$2" $line
  case \${own:-$4 } in *"$4 "*) ;; *) return 1 ;; esac
  case $5 in *"/$1:$2" | *"/$1:$2@"*) ;; *) return 1 ;; esac
  [ "\${6-}" = true ] || answers "$1"
}

serves_here() {
  endpoint=$(sed -n 's,^.*kube-apiserver.advertise-address.endpoint: *,,p' \\
    "$manifests/kube-apiserver.yaml" | tr -d "\\"'")
  if [ -z "$endpoint" ]; then return 0; fi
  kube --server "https://$endpoint" get --raw /readyz > /dev/null
}

# HOLDER ACQUIRED RENEWED; nothing without --leader-elect.
lease() {
  kube -n kube-system get lease kube-controller-manager --ignore-not-found \\
    -o 'jsonpath={.spec.holderIdentity} {.spec.acquireTime} {.spec.renewTime}'
}

# Whether there is a leader that has renewed its lease since it was $1, and works. (P5)
leads_since() {
  held=$(lease) || return 1
  if [ -z "$held" ]; then return; fi
  [ "$held" != "$1" ] || return 1
  set -- $held
  figures=
  case $1 in "$node"_* | "$(hostname)"_*) figures=$(manager_tells || true) ;; esac
  if [ -n "$figures" ]; then echo "$figures" | grep -q "$turns_of_slices [1-9]"; return; fi
  [ "$(($(date -ud "$3" +%s) - $(date -ud "$2" +%s)))" -ge 20 ]
}

turns_of_slices='^workqueue_work_duration_seconds_count{name="endpoint_slice"}'
manager_tells() {
  probe=$(probe_of kube-controller-manager)
  [ -n "$probe" ] || return 1
  key=$kubernetes/pki/apiserver-kubelet-client
  "$(place_of kubectl)" --kubeconfig /dev/null --client-certificate "$key.crt" \\
    --client-key "$key.key" --request-timeout 5s --insecure-skip-tls-verify \\
    --server "\${probe% *}" get --raw /metrics
}

# Whether the kubelet has been over all of its static pods since it was started. (P3)
has_gone_over() {
  case $own in '' | *' new'*) return 1 ;; esac
}

# Leaves in $missing what does not run of VERSION.
look_at_components() {
  missing=$components
  told=$(mirror_pods) || return 0
  own=$(own_pods || true)
  missing=
  for component in $components; do
    if ! runs "$component" "$1"; then missing="$missing $component"; fi
  done
}

# VERSION, and for how many seconds on end unless the kubelet has been over its pods. (P3)
until_control_plane_runs() {
  echo "phase: waiting for $1 to run"
  begun=$(date +%s) good_since= over_since=
  while now=$(date +%s) && [ "$((now - begun))" -lt 300 ]; do
    look_at_components "$1" 2> /dev/null
    if [ -n "$missing" ] || ! serves_here 2> /dev/null; then good_since= over_since=
    elif good_since=\${good_since:-$now} && [ -z "$over_since" ]; then
      if [ "$((now - good_since))" -ge "$2" ] || has_gone_over; then
        held_first=$(lease 2> /dev/null) && over_since=$now
      fi
    elif leads_since "$held_first" 2> /dev/null; then return
    fi
    sleep 0.5
  done
  for component in $missing; do
    said=$(echo "$told" | grep "^$component " || true)
    echo "reason: the kubelet does not run $component $1: \${said:-its pod is not there}"
  done
  if [ -z "$missing" ]; then
    echo "reason: its API server does not answer, or no kube-controller-manager works"
  fi
  exit 1
}
`;

/** After those of keepScript and programsScript. Machines are named as their nodes are. */
export function mirrorPodsScript(node: string): string {
  return `
node=${shellWord(node)}
${functions}${leasesScript}`;
}
