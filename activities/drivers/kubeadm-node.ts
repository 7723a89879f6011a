// How a node of a kubeadm cluster changes its kubelet, in the order of kubeadm's documentation
// ("Upgrading Linux nodes"), as a script for the machine.
// N1. Every line may be run again after any other: what is done already is not done twice, or does
//     no harm.
// N2. On the way back `kubeadm upgrade node` is not run: the kubelet's files are those that were
//     kept. That it goes back is noted first: a kubelet that was replaced does not tell any more.
// N3. The machine starts again before its kubelet does (kubeadm-reboot.ts).

import { takenOutFlags } from '../../domain/preflight/removed-options';
import type { RebootPolicy } from '../../domain/spec';
import type { KubeVersion } from '../../domain/versions';
import type { KubeadmPackages } from '../access';
import { keepScript } from './kubeadm-kept';
import { mirrorPodsScript } from './kubeadm-mirror-pods';
import { programsScript } from './kubeadm-programs';
import { rebootScript } from './kubeadm-reboot';
import { brokenCode, scriptHead, shellWord } from './machine-script';

const kubeletRuns = `
# Its program is that of the file: one that was replaced is told as deleted.
kubelet_runs() {
  systemctl is-active kubelet > /dev/null || return 1
  ls -l /proc/[0-9]*/exe 2> /dev/null | grep -q " -> $kubelet$"
}
`;

/**
 * `mark_log` before it is started; `why_it_ended` tells what it has said since. Where no journal
 * holds anything of it, its log is a file.
 */
export const kubeletWords = `
log=/var/log/kubelet.log

mark_log() {
  since=$(date +%s)
  if [ -e "$log" ]; then told=$(wc -c < "$log"); else told=0; fi
}

said_since() {
  journaled=$(journalctl _SYSTEMD_UNIT=kubelet.service --since "@$since" -n 500 --no-pager \\
    -q -o cat 2> /dev/null || true)
  if [ -n "$journaled" ]; then echo "$journaled"
  elif [ -e "$log" ]; then tail -c "+$((told + 1))" "$log"; fi
}

# The last of its errors, without the head of klog: it has said the same at every start.
why_it_ended() {
  said=$(said_since)
  error=$(echo "$said" | grep -E '^([EF][0-9]{4} |panic: |fatal error: |Error: )' | tail -n 1)
  if [ -z "$error" ]; then error=$(echo "$said" | tail -n 3 | paste -s -d ' '); fi
  echo "\${error:-it said nothing}" | sed 's/^[EF][0-9]\\{4\\} [^]]*\\] //' | cut -c 1-1000
}
`;

const wayBack = `
note_of_way_back=$(dirname "$kept")/going-back

goes_back() {
  if is_older "$to" "$(version_of "$(place_of kubelet)")"; then
    mkdir -p "$(dirname "$note_of_way_back")"
    echo "$to" > "$note_of_way_back"
    sync "$note_of_way_back"
  fi
  [ "$(cat "$note_of_way_back" 2> /dev/null)" = "$to" ]
}

# Those of the release come first; what was kept is as good.
use_kept_programs() {
  if [ -z "\${source-}" ] || [ -x "$source/kubelet" ]; then return; fi
  if [ -x "$kept/$to/bin/kubelet" ]; then source=$kept/$to/bin; fi
}

put_back_kubelet_files() {
  for file in config.yaml kubeadm-flags.env; do
    if [ ! -e "$kept/$to/kubelet/$file" ]; then
      echo "no $file of $to was kept on this machine: it stays as it is"
      continue
    fi
    phase "putting $file of $to back"
    cp -p "$kept/$to/kubelet/$file" "/var/lib/kubelet/$file.ascent"
    sync "/var/lib/kubelet/$file.ascent"
    mv -f "/var/lib/kubelet/$file.ascent" "/var/lib/kubelet/$file"
  done
}
`;

/**
 * `drop_removed_flags`: what a kubelet of the release does not know leaves the file that kubeadm
 * has written. kubeadm does so in the minor that removed it, and in no later one.
 */
export function removedFlagsScript(file: string): string {
  const drops = takenOutFlags.map(({ minor, flag }) => `drop_flag v${minor}.0 ${flag}`);
  return `
flags_file=${shellWord(file)}
drop_flag() {
  if is_older "$to" "$1" || ! grep -q -e "--$2[= ]" "$flags_file" 2> /dev/null; then return; fi
  phase "taking --$2 out of $flags_file"
  cp -p "$flags_file" "$flags_file.ascent"
  sed -i "s/ *--$2[= ][^ \\"]*//; s/=\\" */=\\"/" "$flags_file.ascent"
  sync "$flags_file.ascent"
  mv -f "$flags_file.ascent" "$flags_file"
}
drop_removed_flags() {
  ${drops.join('\n  ')}
}
`;
}

const changing = `
change_node() {
  if goes_back; then put_back_kubelet_files
  else keep_node "$(version_of "$kubelet")"; fi
  if goes_back; then put kubeadm
  # A member had that with its control plane.
  elif [ -z "$serving" ]; then
    put kubeadm
    phase 'kubeadm upgrade node'
    "$(place_of kubeadm)" upgrade node < /dev/null
  fi
  if ! goes_back; then drop_removed_flags; fi
  put kubectl kubelet
  systemctl daemon-reload
  reboot_once
  phase 'restarting the kubelet'
  systemctl restart kubelet
}
`;

/** A kubelet that does not tell has restarted within that what it restarts. */
const settledSeconds = 20;

export interface NodeScriptOptions {
  readonly node: string;
  readonly to: KubeVersion;
  readonly packages: KubeadmPackages;
  readonly reboot?: RebootPolicy['when'] | undefined;
}

export function nodeScript({ node, to, packages, reboot }: NodeScriptOptions): string {
  return `
${scriptHead}${programsScript(packages, to)}${keepScript()}${mirrorPodsScript(node)}
${kubeletRuns}${kubeletWords}${wayBack}${rebootScript(reboot)}
${removedFlagsScript('/var/lib/kubelet/kubeadm-flags.env')}${changing}
if [ ! -e /etc/kubernetes/kubelet.conf ]; then
  refuse 'there is no /etc/kubernetes/kubelet.conf: kubeadm has not joined this machine'
fi
if goes_back; then use_kept_programs; fi
check_reboot
check_programs
# Its kubelet is never newer than the API server beside it.
serving=
if [ -e "$manifests/kube-apiserver.yaml" ]; then
  serving=$(control_plane_version) || refuse 'the components of its control plane differ'
  if is_older "$serving" "$to"; then refuse "its control plane is $serving, older than $to"; fi
fi

kubelet=$(place_of kubelet)
mark_log
owe_reboot
if [ -n "$serving" ]; then free_leases_meanwhile; fi
# In a boot that it has asked for all of that is done.
if ! was_rebooted; then change_node; fi
begun=$(date +%s) seen=0
while [ "$(($(date +%s) - begun))" -lt 90 ]; do
  sleep 0.5
  # Two seconds from the first of these looks to the last.
  if kubelet_runs; then seen=$((seen + 1)); else seen=0; fi
  if [ "$seen" -ge 5 ]; then
    if [ -n "$serving" ]; then until_control_plane_runs "$serving" ${settledSeconds}; fi
    rm -f "$note_of_way_back" "$note_of_reboot"
    echo "the kubelet runs, $to"
    exit 0
  fi
done
echo "reason: kubelet $to does not stay up: $(why_it_ended)"
exit ${brokenCode}
`;
}
