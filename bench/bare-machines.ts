// The runbook: a kubeadm cluster taken over minors by a plain shell script, one machine after the
// other, over SSH, in the order of kubeadm's documentation ("Upgrading kubeadm clusters" and
// "Upgrading Linux nodes"), waiting for what that waits for. etcd stays as it is, as in the upgrade
// that it is compared with.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import path from 'node:path';

import type { MachinesLab } from '../lab/machines/machines-lab';
import { machinesLayout } from '../lab/machines/machines-file';
import { releasesDirectory } from '../lab/machines/releases';

export interface BareUpgrade {
  readonly pathSeconds: number;
  /** From the first command on a worker to its uncordon, one for each and each minor. */
  readonly workerSeconds: readonly number[];
}

export interface BareOptions {
  /** One after the other. */
  readonly versions: readonly string[];
  /**
   * Also waits, after the control plane and its kubelet have changed, until its static pods were
   * Ready in ten looks on end and a kube-controller-manager leads.
   */
  readonly isCareful: boolean;
}

const script = `
on() {
  machine=$1; shift
  ssh -q -F none -i "$key" -o UserKnownHostsFile="$known_hosts" -p "$(port_of "$machine")" \\
    root@127.0.0.1 "$@" < /dev/null
}
kubectl() { on cp-1 kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }
put() { on "$1" "cp $releases/$version/$2 /usr/bin/$2.new && mv /usr/bin/$2.new /usr/bin/$2"; }
seconds_since() { awk -v from="$1" -v to="$(date +%s.%N)" 'BEGIN { print to - from }'; }
ready='{.status.conditions[?(@.type=="Ready")].status}'
version_and_readiness() {
  kubectl get node "$1" -o "'jsonpath={.status.nodeInfo.kubeletVersion} $ready'"
}

# An API server that has just come up may go once more, or not know yet who may do what.
again() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 120 ]; then exit 1; fi
    sleep 1
  done
}
drain() {
  again kubectl drain "$1" --ignore-daemonsets --delete-emptydir-data --timeout=600s
}
kubelet() {
  put "$1" kubectl
  put "$1" kubelet
  on "$1" 'systemctl daemon-reload && systemctl restart kubelet'
  until [ "$(version_and_readiness "$1")" = "v$version True" ]; do sleep 1; done
}

# NAME VERSION READY of each static pod, a line each.
static_pods() {
  kubectl -n kube-system get pod -l tier=control-plane -o "'jsonpath={range .items[*]}\
{.metadata.labels.component} {.spec.containers[0].image} {.status.containerStatuses[0].ready}\
{\\"\\n\\"}{end}'"
}
renewed() { kubectl -n kube-system get lease kube-controller-manager -o yaml | grep renewTime; }
settled() {
  if [ "$careful" != yes ]; then return; fi
  looks=0
  while [ "$looks" -lt 10 ]; do
    sleep 1
    looks=$((looks + 1))
    if [ "$(static_pods | grep -c ":v$version true$")" != 3 ]; then looks=0; fi
  done
  until first=$(renewed); do sleep 1; done
  until now=$(renewed) && [ "$now" != "$first" ]; do sleep 1; done
}

for version in $versions; do
  put cp-1 kubeadm
  again on cp-1 kubeadm upgrade plan "v$version"
  on cp-1 kubeadm upgrade apply "v$version" --yes --etcd-upgrade=false
  settled
  drain cp-1
  kubelet cp-1
  settled
  again kubectl uncordon cp-1
  for worker in $workers; do
    from=$(date +%s.%N)
    put "$worker" kubeadm
    again on "$worker" kubeadm upgrade node
    drain "$worker"
    kubelet "$worker"
    again kubectl uncordon "$worker"
    echo "worker: $(seconds_since "$from")"
  done
  again kubectl get nodes
done
`;

/** Throws when the script ends with anything but 0. */
export async function bareUpgrade(
  lab: MachinesLab,
  { versions, isCareful }: BareOptions,
  signal: AbortSignal,
): Promise<BareUpgrade> {
  const { ssh } = machinesLayout(lab.stateDir);
  const cases = lab.machines.map(({ name, ports }) => `${name}) echo ${ports.ssh} ;;`);
  const workers = lab.machines.flatMap(({ name, role }) => (role === 'worker' ? [name] : []));
  const begunMs = performance.now();
  const child = spawn(
    'sh',
    ['-euc', `port_of() { case $1 in ${cases.join(' ')} esac; }${script}`],
    {
      env: {
        ...process.env,
        key: path.join(ssh, 'key'),
        known_hosts: path.join(ssh, 'known_hosts'),
        releases: releasesDirectory,
        versions: versions.join(' '),
        careful: isCareful ? 'yes' : 'no',
        workers: workers.join(' '),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      signal,
    },
  );
  // An interruption ends it; who is listened to is its exit.
  child.on('error', () => undefined);
  const workerSeconds: number[] = [];
  for await (const line of createInterface({ input: child.stdout, signal })) {
    const seconds = /^worker: ([\d.]+)$/.exec(line)?.[1];
    if (seconds !== undefined) workerSeconds.push(Number(seconds));
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  signal.throwIfAborted();
  const code = child.exitCode;
  if (code !== 0) throw new Error(`the script ended with ${String(code)}`);
  return { pathSeconds: (performance.now() - begunMs) / 1_000, workerSeconds };
}
