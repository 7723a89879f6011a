// How a member of a kubeadm control plane changes its version, in the order of kubeadm's
// documentation ("Upgrading control plane nodes"), as scripts for its machine: the three components
// as one. etcd and the kubelet are steps of their own.
// B1. Every line may be run again after any other, as in kubeadm-node.ts.
// B2. Which command it is the cluster says: while its kubeadm-config is of an older version nobody
//     has applied the new one wholly, and this member does. Others follow.
// B3. What kubeadm complains about is told by its own marks: `[ERROR <check>]` of preflight checks,
//     and the sentence with which it says that it has put the old manifests back.

import type { KubeVersion } from '../../domain/versions';
import type { KubeadmPackages } from '../access';
import { keepScript } from './kubeadm-kept';
import { mirrorPodsScript } from './kubeadm-mirror-pods';
import { programsScript } from './kubeadm-programs';
import { refusedCode, scriptHead } from './machine-script';

export interface MemberScriptOptions {
  readonly node: string;
  readonly to: KubeVersion;
  readonly packages: KubeadmPackages;
}

/** What may pass by itself; every other check has to be put right by somebody. */
const passingChecks = ['ControlPlaneNodesReady', 'CreateJob', 'ImagePull', 'APIServerHealth'];

/**
 * After mirrorPodsScript. `run_kubeadm ARGUMENT...` ends the script where kubeadm fails, with its
 * reasons (B3). Meanwhile the kubelet is reminded of static pods that wait for others to end.
 */
export const kubeadmSays = `
wanted_version() {
  configuration=$(cluster_configuration) || {
    echo 'reason: ConfigMap kubeadm-config cannot be read: does an API server answer?' >&2
    exit 1
  }
  echo "$configuration" | sed -n 's/^kubernetesVersion: *//p'
}

run_kubeadm() {
  phase "kubeadm $*"
  said=$(mktemp)
  trap 'rm -f "$said" "$said.code"' EXIT
  # It does not hold the lock of the step (machine-journal.ts): nothing of that is left to it.
  remind_while_kubeadm_runs > /dev/null 2>&1 7>&- &
  {
    code=0
    "$(place_of kubeadm)" "$@" < /dev/null 2>&1 || code=$?
    echo "$code" > "$said.code"
  } | tee "$said" | sed -u 's/^\\[upgrade.* Preparing for "\\(.*\\)" upgrade$/phase: changing \\1/'
  code=$(cat "$said.code")
  if [ "$code" = 0 ]; then return; fi
  explain
  exit "$code"
}

remind_while_kubeadm_runs() {
  while sleep 1 && kill -0 $$ && [ -e "$said" ] && [ ! -s "$said.code" ]; do
    remind_kubelet
  done
}

explain() {
  errors=$(sed -n 's/^.*\\[ERROR \\([A-Za-z0-9-]*\\)\\]: /\\1: /p' "$said")
  if [ -n "$errors" ]; then
    echo "$errors" | sed 's/^/reason: kubeadm found /'
    if echo "$errors" | grep -qvE '^(${passingChecks.join('|')}):'; then code=${refusedCode}; fi
    return
  fi
  back=$(sed -n 's/^.*tried to recover everything into the earlier state[^:]*: *//p' "$said")
  if [ -n "$back" ]; then echo "reason: kubeadm put the old manifests back: $back"; return; fi
  grep -v -e '^To see the stack trace' -e '^ *$' "$said" | tail -n 2 | sed 's/^/reason: /'
}

tell_certificates() {
  "$(place_of kubeadm)" certs check-expiration 2> /dev/null |
    awk '/ UTC / && NF > 8 { print "certificate " $1 " is good until", $2, $3, $4, $5, $6 }' || true
}
`;

function head({ node, to, packages }: MemberScriptOptions): string {
  return `
${scriptHead}${programsScript(packages, to)}${keepScript()}${mirrorPodsScript(node)}${kubeadmSays}`;
}

export function memberScript(options: MemberScriptOptions): string {
  return `${head(options)}
if [ ! -e "$kubernetes/admin.conf" ]; then
  refuse "$kubernetes/admin.conf is not there: kubeadm has made no control plane here"
fi
mend_manifests
check_programs
wanted=$(wanted_version)
if is_older "$to" "$wanted"; then
  refuse "kubeadm-config of the cluster says $wanted already, which is newer than $to"
fi
if from=$(control_plane_version) && [ "$from" != "$to" ]; then keep_member "$from"; fi

put kubeadm
free_leases_meanwhile
# (B2)
if is_older "$wanted" "$to"; then run_kubeadm upgrade apply "$to" --yes --etcd-upgrade=false
else run_kubeadm upgrade node --etcd-upgrade=false; fi
until_control_plane_runs "$to" 0
tell_certificates
echo "the control plane runs, $to"
`;
}

/** Never etcd's: neither its manifest nor its certificates. */
const putFilesBack = `
put_tree_back() {
  (cd "$1" && find * -type f ! -path 'etcd/*') | while read -r file; do
    put_file "$1/$file" "$2/$file"
  done
}

put_configuration_back() {
  wanted=$(wanted_version)
  if ! is_older "$to" "$wanted"; then return; fi
  others=$(kube -n kube-system get pod -l component=kube-apiserver,tier=control-plane \\
    -o 'jsonpath={range .items[*]}{.spec.nodeName} {.spec.containers[*].image}{"\\n"}{end}')
  if echo "$others" | grep -v "^$node " | grep -q ":$wanted"; then
    echo "kubeadm-config stays at $wanted: another member runs it"
    return
  fi
  phase "putting kubeadm-config back to $to"
  patch=$kubernetes/.ascent.patch
  (
    umask 077
    echo 'data:'
    echo '  ClusterConfiguration: |'
    if grep -qx "kubernetesVersion: $to" "$old/kubeadm-config.yaml" 2> /dev/null; then
      cat "$old/kubeadm-config.yaml"
    else
      cluster_configuration | sed "s/^kubernetesVersion: .*/kubernetesVersion: $to/"
    fi | sed 's/^/    /'
  ) > "$patch"
  kube -n kube-system patch configmap kubeadm-config --type merge --patch-file "$patch"
  rm "$patch"
}
`;

/** `to` is what the member ran before. */
export function putBackScript(options: MemberScriptOptions): string {
  return `${head(options)}${putFilesBack}
old=$kept/$to
for component in $components; do
  if [ ! -s "$old/manifests/$component.yaml" ]; then
    refuse "$old/manifests/$component.yaml is not there: nothing of $to was kept on this machine"
  fi
done

phase "putting certificates and kubeconfigs back as they were with $to"
put_tree_back "$old/pki" "$kubernetes/pki"
for file in admin.conf super-admin.conf controller-manager.conf scheduler.conf; do
  if [ -e "$old/conf/$file" ]; then put_file "$old/conf/$file" "$kubernetes/$file"; fi
done
# kubeadm writes those of the kubelet along; they are for the kubelet that is there.
if cmp -s "$old/bin/kubelet" "$(place_of kubelet)"; then
  for file in config.yaml kubeadm-flags.env; do
    put_file "$old/kubelet/$file" "/var/lib/kubelet/$file"
  done
fi
phase "putting the manifests of $to back"
free_leases_meanwhile
for component in $components; do
  put_file "$old/manifests/$component.yaml" "$manifests/$component.yaml"
done
until_control_plane_runs "$to" 0
put_configuration_back
echo "the control plane runs, $to"
`;
}
