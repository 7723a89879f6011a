// A real kubeadm cluster taken through two minors by one upgrade of Ascent: control plane, its
// kubelet and the workers, with the driver kubeadm, a worker of its own and Temporal. A client asks
// a Service all the while, from a third machine; pods begin slowly and end with grace.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { openCluster } from '../../../activities/adapters/open-cluster';
import { observeCluster } from '../../../activities/observe';
import type { ClusterName } from '../../../domain/names';
import { labLayout } from '../../../lab/layout';
import { machineFaults, type MachineFaults } from '../../../lab/machines/machine-faults';
import { machinesDown, machinesUp } from '../../../lab/machines/machines-lab';
import type { MachinesLab } from '../../../lab/machines/machines-lab';
import { offerRelease } from '../../../lab/machines/offer-release';
import { webWorkload } from '../../../lab/machines/web-workload';
import { version } from '../../support/builders';
import { kubeadmSpec } from '../../support/kubeadm-spec';
import { LabGround } from '../../support/lab-ground';
import { untilEnded } from '../../support/lab-progress';
import { aStory } from '../../support/lab-story';
import { untilTrue } from '../../support/lab-until';

jest.setTimeout(1_800_000);

const first = version('1.28.15');
const hops = [version('1.29.15'), version('1.30.14')] as const;
const target = hops[1];
const workers = ['worker-1', 'worker-2'];
const machines = ['cp-1', ...workers];
const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
const ofCluster = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'];

/** Ten requests a second, a line each: `200`, or what came instead. */
const askAllTheWhile = `
setsid -f bash -c '
  while [ ! -e /run/asked-enough ]; do
    answer=nothing
    if exec 3<> "/dev/tcp/$1/80"; then
      printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3
      read -r -t 5 protocol answer rest <&3 || answer=silence
      exec 3>&-
    fi
    echo "$answer" >> /var/log/answers
    sleep 0.1
  done
' bash "$1" < /dev/null > /dev/null 2>&1
`;

/** A second name for the log of every pod: it stays when the kubelet removes the first. */
const keepLogs = `
mkdir -p /var/log/kept
setsid -f sh -c '
  while [ ! -e /run/asked-enough ]; do
    for log in /var/log/pods/default_web-*/web/0.log; do
      kept=/var/log/kept/$(echo "$log" | tr / _)
      [ -e "$kept" ] || ln "$log" "$kept"
    done
    sleep 0.5
  done
' < /dev/null > /dev/null 2>&1
`;

const spec = kubeadmSpec({ cluster: 'kubeadm-path', target, allowSingleMember: true });

describe('a kubeadm cluster', () => {
  let ground: LabGround;
  let stateDir: string;
  let lab: MachinesLab;
  let faults: MachineFaults;
  const tell = aStory(() => ground.diagnosis());

  const kubectl = (...args: readonly string[]) => faults.run('cp-1', [...ofCluster, ...args]);
  const sh = (machine: string, script: string, ...args: readonly string[]) =>
    faults.run(machine, ['sh', '-c', script, 'sh', ...args]);
  const images = async () => {
    const template = 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\\n"}{end}';
    const selected = ['get', 'pods', '-n', 'kube-system', '-l', 'tier=control-plane'];
    return (await kubectl(...selected, '-o', template)).trim().split('\n').toSorted();
  };
  const imagesOf = (of: string) =>
    [...components.map((name) => `${name}:v${of}`), 'etcd:3.5.15-0']
      .map((name) => `registry.k8s.io/${name}`)
      .toSorted();
  const configured = async () => {
    const selected = ['get', 'configmap/kubeadm-config', '-n', 'kube-system'];
    const text = await kubectl(...selected, '-o', 'jsonpath={.data.ClusterConfiguration}');
    return /^kubernetesVersion: (.*)$/m.exec(text)?.[1];
  };

  beforeAll(async () => {
    ground = await LabGround.open({ name: 'kubeadm-path', members: 1, nodes: 0, pods: 0 });
    const { logs, processes } = labLayout(ground.stateDir);
    for (const each of [logs, processes]) await mkdir(each, { recursive: true });
    stateDir = await mkdtemp(path.join(tmpdir(), 'ascent-kubeadm-path-'));
    const shape = { name: 'kubeadm-path', controlPlanes: 1, workers: 2, version: first };
    lab = await machinesUp({ ...shape, stateDir: path.join(stateDir, 'lab') });
    faults = machineFaults(lab.context);
    const apply = `printf %s "$1" | ${ofCluster.join(' ')} apply -f -`;
    await sh('cp-1', apply, webWorkload);
    for (const node of workers) await kubectl('label', 'node', node, 'ascent.test/pool=workers');
    for (const each of hops) await offerRelease(lab.context, each);
  });

  afterAll(async () => {
    await ground?.close();
    if (stateDir === undefined) return;
    await machinesDown({ stateDir: path.join(stateDir, 'lab') });
    await rm(stateDir, { recursive: true, force: true });
  });

  tell('goes through two minors in one upgrade, and no request fails', async () => {
    const ready = ['get', 'deployment/web', '-o', 'jsonpath={.status.readyReplicas}'];
    await untilTrue('both pods serve', async () => (await kubectl(...ready)) === '2');
    const address = await kubectl('get', 'service/web', '-o', 'jsonpath={.spec.clusterIP}');
    await sh('cp-1', askAllTheWhile, address);
    for (const machine of workers) await sh(machine, keepLogs);
    await ground.startWorker({ accessFile: lab.accessFile });
    expect(await ground.client.start(spec, { actor: 'ada' })).toMatchObject({ kind: 'started' });

    expect(await untilEnded(ground)).toMatchObject({ outcome: 'completed', to: target });

    await untilTrue('both pods serve', async () => (await kubectl(...ready)) === '2');
    for (const machine of machines) await sh(machine, 'touch /run/asked-enough');
    const answers = (await sh('cp-1', 'cat /var/log/answers')).trim().split('\n');
    expect(answers.filter((answer) => answer !== '200')).toEqual([]);
    expect(answers.length).toBeGreaterThan(500);
  });

  tell('has one version everywhere, whoever is asked', async () => {
    expect(await images()).toEqual(imagesOf(target));
    expect(await configured()).toBe(`v${target}`);
    for (const machine of machines) {
      expect(await faults.run(machine, ['kubelet', '--version'])).toBe(`Kubernetes v${target}\n`);
      const kubeadm = await faults.run(machine, ['kubeadm', 'version', '-o', 'short']);
      expect(kubeadm).toBe(`v${target}\n`);
      const kept = await sh(machine, 'ls /var/lib/ascent/kept');
      expect(kept.trim().split('\n')).toEqual([`v${first}`, `v${hops[0]}`]);
    }
    const ports = openCluster(lab.access);
    const signal = AbortSignal.timeout(60_000);
    const seen = await observeCluster({ cluster: 'kubeadm-path' as ClusterName, ports, signal });
    await ports.close();
    expect(
      seen.nodes.map(({ name, kubeletVersion, ready, cordon }) => [
        name,
        kubeletVersion,
        ready,
        cordon.kind,
      ]),
    ).toEqual(machines.map((name) => [name, target, true, 'none']));
  });

  tell('has let every pod end with grace, as the pods say themselves', async () => {
    for (const machine of workers) {
      const names = await sh(machine, 'ls -tr /var/log/kept');
      const logs = await Promise.all(
        names
          .trim()
          .split('\n')
          .map((name) => faults.run(machine, ['cat', `/var/log/kept/${name}`])),
      );
      const endings = logs.map((log) =>
        ['preStop begins', 'preStop ends', 'terminated received', 'ended with grace'].map((said) =>
          log.includes(said),
        ),
      );
      const ended = [true, true, true, true];
      expect(endings).toEqual([ended, ended, [false, false, false, false]]);
      expect(logs.join('')).not.toContain('cut off');
    }
  });
});
