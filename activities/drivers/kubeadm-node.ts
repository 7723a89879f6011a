// How a worker of a kubeadm cluster changes its version, in the order of kubeadm's documentation
// ("Upgrading Linux nodes"), as a script for the machine. Programs come from a directory there.
// N1. Every line may be run again after any other: what is done already is not done twice, or does
//     no harm.
// N2. A program is replaced by a rename: whoever starts it gets the old one or the new one.
// N3. Nothing is replaced before all of the release is seen to be there.

import type { KubeVersion } from '../../domain/versions';
import { refusedCode } from './machine-steps';

const usual = `
set -eu
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

refuse() { echo "$1"; exit ${refusedCode}; }
phase() { echo "phase: $1"; }

version_of() {
  case $1 in
    */kubeadm) "$1" version -o short ;;
    */kubelet) "$1" --version | sed 's/^Kubernetes //' ;;
    */kubectl) "$1" version --client -o yaml | sed -n 's/^ *gitVersion: *//p' ;;
  esac
}

# Where it is found, links followed: they stay.
place_of() { readlink -f "$(command -v "$1" || echo "/usr/bin/$1")"; }

replace() {
  from=$source/$1
  place=$(place_of "$1")
  if cmp -s "$from" "$place"; then return; fi
  phase "replacing $1"
  cp "$from" "$place.ascent"
  chown 0:0 "$place.ascent"
  chmod 755 "$place.ascent"
  sync "$place.ascent"
  mv -f "$place.ascent" "$place"
  sync "$(dirname "$place")"
}

# Its program is that of the file: one that was replaced is told as deleted.
kubelet_runs() {
  systemctl is-active kubelet > /dev/null || return 1
  for program in /proc/[0-9]*/exe; do
    if [ "$(readlink "$program" || true)" = "$kubelet" ]; then return 0; fi
  done
  return 1
}
`;

/** A release, and the path on the machine that the access file names. */
export function nodeScript(to: KubeVersion, directory: string): string {
  return `
to=v${to}
source=${quoted(`${directory}/${to}`)}
${usual}
if [ -e /etc/kubernetes/manifests/kube-apiserver.yaml ]; then
  refuse 'it is a control plane, and this driver changes workers only'
fi
if [ ! -e /etc/kubernetes/kubelet.conf ]; then
  refuse 'there is no /etc/kubernetes/kubelet.conf: kubeadm has not joined this machine'
fi
for program in kubeadm kubelet kubectl; do
  if [ ! -x "$source/$program" ]; then refuse "$source/$program is not there"; fi
  found=$(version_of "$source/$program") || refuse "$source/$program does not run here"
  if [ "$found" != "$to" ]; then refuse "$source/$program is $found, not $to"; fi
done

replace kubeadm
phase 'kubeadm upgrade node'
"$(place_of kubeadm)" upgrade node < /dev/null
replace kubectl
replace kubelet
kubelet=$(place_of kubelet)
phase 'restarting the kubelet'
systemctl daemon-reload
systemctl restart kubelet
seen=0
for second in $(seq 90); do
  sleep 1
  if kubelet_runs; then seen=$((seen + 1)); else seen=0; fi
  if [ "$seen" -ge 3 ]; then echo "the kubelet runs, $to"; exit 0; fi
done
echo "kubelet $to does not stay up; what it said last:"
if [ -d /run/systemd/system ]; then journalctl -u kubelet -n 3 --no-pager -o cat || true
elif [ -e /var/log/kubelet.log ]; then tail -n 3 /var/log/kubelet.log; fi
exit 1
`;
}

/** A word of sh. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
