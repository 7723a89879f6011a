// Workers of a real kubeadm cluster, changed from packages by Debian's apt: a repository for each
// minor, of the real programs. The control plane goes first, by hand.

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { KubeadmDriverAccess } from '../../../activities/access';
import { openServedCluster, type ServedCluster } from '../../../activities/adapters/open-cluster';
import { observeForPreflight } from '../../../activities/observe';
import type { ClusterName, NodeName } from '../../../domain/names';
import type { Observation } from '../../../domain/observation';
import { evaluatePreflight } from '../../../domain/preflight/preflight';
import { compareTexts } from '../../../domain/text-order';
import { machineDirectory } from '../../../lab/machines/machine-files';
import { machineFaults, type MachineFaults } from '../../../lab/machines/machine-faults';
import { machinesDown, type MachinesLab, machinesUp } from '../../../lab/machines/machines-lab';
import { offeredAt, offerRelease } from '../../../lab/machines/offer-release';
import { machineBinaries, machineRelease } from '../../../lab/machines/releases';
import { refusalOf } from '../../activities/adapters/support/refusals';
import { aContext } from '../../activities/drivers/support/programs';
import { version } from '../../support/builders';
import { programs, writeDebRepository } from '../../support/deb-repository';
import { untilTrue } from '../../support/lab-until';

jest.setTimeout(900_000);

const from = version('1.28.15');
const target = version('1.29.15');
const workers = ['worker-1', 'worker-2'] as const;
const list = '/etc/apt/sources.list.d/kubernetes.list';

/** Its /var is its own: without the database of packages that its /usr is made of. */
const prepare = `
set -e
mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives/partial /var/log/apt
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d
mkdir /etc/apt/sources.list.d
echo 'deb [trusted=yes] file:/opt/repository/v1.28/deb ./' > ${list}
apt-get -qq update
apt-get -qq install ${programs.join(' ')}
apt-mark hold ${programs.join(' ')}
`;

describe('workers whose programs are packages', () => {
  let stateDir: string;
  let lab: MachinesLab;
  let faults: MachineFaults;
  let ports: ServedCluster;

  const observe = (): Promise<Observation> =>
    observeForPreflight({
      cluster: 'of-packages' as ClusterName,
      ports,
      signal: AbortSignal.timeout(120_000),
    });
  const kubelets = async (): Promise<readonly string[]> =>
    (await observe()).nodes
      .filter(({ name, ready }) => name !== 'cp-1' && ready)
      .map(({ name, kubeletVersion }) => `${name} ${kubeletVersion}`)
      .toSorted();

  /** The real programs of both releases, and what is installed of the host. */
  const givePackages = async (worker: string): Promise<void> => {
    const disk = path.join(machineDirectory(lab.context.layout, worker), 'disk');
    for (const release of [from, target]) {
      const binaries = await machineBinaries(machineRelease(release));
      const minor = release.split('.').slice(0, 2).join('.');
      const directory = path.join(disk, 'opt/repository', `v${minor}`, 'deb');
      const debs = programs.map((name) => ({
        name,
        revision: `${release}-1.1`,
        program: binaries.of(name),
      }));
      writeDebRepository(directory, debs);
    }
    execFileSync('cp', ['-a', '/var/lib/dpkg', path.join(disk, 'var/lib')]);
    await faults.run(worker, ['sh', '-c', prepare], 300_000);
  };

  const upgradeControlPlane = async (): Promise<void> => {
    const apply = ['upgrade', 'apply', '--yes', '--etcd-upgrade=false', `v${target}`];
    await faults.run('cp-1', [offeredAt(target, 'kubeadm'), ...apply], 600_000);
  };

  beforeAll(async () => {
    stateDir = await mkdtemp(path.join(tmpdir(), 'ascent-packages-'));
    const shape = { name: 'of-packages', controlPlanes: 1, workers: 2, version: '1.28' };
    lab = await machinesUp({ ...shape, stateDir: path.join(stateDir, 'lab') });
    faults = machineFaults(lab.context);
    await offerRelease(lab.context, target);
    for (const worker of workers) await givePackages(worker);
    const machines = Object.fromEntries(
      Object.entries(lab.access.driver.machines).filter(([name]) => name !== 'cp-1'),
    );
    const packages = { kind: 'apt', repository: list } as const;
    const driver: KubeadmDriverAccess = { ...lab.access.driver, machines, packages };
    ports = openServedCluster({ ...lab.access, driver });
  });

  afterAll(async () => {
    await ports?.close();
    if (stateDir === undefined) return;
    await machinesDown({ stateDir: path.join(stateDir, 'lab') });
    await rm(stateDir, { recursive: true, force: true });
  });

  it('are found fit by a preflight that has asked them, but for their containerd', async () => {
    const observation = await observe();
    expect(observation.availableVersions).toEqual([from, target]);
    expect(observation.machines?.map(({ name, kind }) => [name, kind])).toEqual(
      workers.map((name) => [name, 'observed']),
    );
    const { findings } = evaluatePreflight({ observation, hop: { from, to: target } });
    const ofNodes = findings.filter(({ object }) => object.kind === 'node');
    expect(ofNodes.map(({ code, severity }) => [code, severity])).toEqual(
      workers.map(() => ['container-runtime-old', 'warns']),
    );
  });

  it('tell by the API alone how the components of the control plane start', async () => {
    const { staticPods = [], configMaps } = await observe();
    const told = staticPods.map(({ pod, node, component, plugins, flags }) => {
      return { pod, node, component, plugins, isTold: flags.length > 5 };
    });
    const ofPod = (component: string, plugins: readonly string[] = []) => {
      return { pod: `${component}-cp-1`, node: 'cp-1', component, plugins, isTold: true };
    };
    expect(told.toSorted((a, b) => compareTexts(a.pod, b.pod))).toEqual([
      ofPod('etcd'),
      ofPod('kube-apiserver', ['NodeRestriction']),
      ofPod('kube-controller-manager'),
      ofPod('kube-scheduler'),
    ]);
    expect(configMaps?.unread).toEqual([]);
    expect(configMaps?.options.map(({ map }) => map)).toEqual(
      expect.arrayContaining(['kubelet-config', 'kube-proxy']),
    );
  });

  it('block with a feature gate in a ConfigMap that the hop removes, until it is out', async () => {
    const gate = async (change: string): Promise<unknown> => {
      const kubectl = 'kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system';
      const get = `${kubectl} get configmap kube-proxy -o yaml`;
      const script = `set -e; ${get} > /tmp/map; sed -i '${change}' /tmp/map`;
      await faults.run('cp-1', ['sh', '-c', `${script}; ${kubectl} replace -f /tmp/map`]);
      const observation = await observe();
      const { findings } = evaluatePreflight({ observation, hop: { from, to: target } });
      return findings
        .filter(({ code }) => code === 'gate-removed' || code === 'components-unobserved')
        .map(({ about, evidence }) => [about, evidence]);
    };
    const kind = '    kind: KubeProxyConfiguration';
    const line = '    featureGates: { CronJobTimeZone: true }';
    expect(await gate(`s/^${kind}$/&\\n${line}/`)).toEqual([
      [
        'kube-proxy feature gate CronJobTimeZone',
        { minor: '1.29', places: ['ConfigMap kube-system/kube-proxy'] },
      ],
    ]);
    expect(await gate(`/^${line}$/d`)).toEqual([]);
  });

  it('are left as they are where the release is in no repository', async () => {
    const work = ports.nodes.upgradeNode('worker-1' as NodeName, version('1.29.99'), {
      ...aContext(),
      operationId: 'op-refused',
    });
    expect(await refusalOf(work)).toEqual({
      code: 'rejected',
      message:
        'upgrading it to 1.29.99 on machine worker-1 is refused:' +
        ' no repository of this machine has kubeadm 1.29.99',
    });
    expect(await faults.run('worker-1', ['cat', list])).toContain('/v1.28/');
    expect(await faults.run('worker-1', ['kubeadm', 'version', '-o', 'short'])).toBe(`v${from}\n`);
  });

  it('are of the release afterwards, and their packages on hold', async () => {
    await upgradeControlPlane();
    for (const worker of workers) {
      const context = { ...aContext(), operationId: `op-${worker}`, limitMs: 600_000 };
      await ports.nodes.upgradeNode(worker as NodeName, target, context);
      expect(context.phases).toEqual([
        'naming the repository of v1.29',
        'reading the package lists',
        `keeping v${from} aside`,
        `installing kubeadm=${target}-1.1`,
        'kubeadm upgrade node',
        `installing kubectl=${target}-1.1 kubelet=${target}-1.1`,
        'restarting the kubelet',
      ]);
      const held = await faults.run(worker, ['apt-mark', 'showhold']);
      expect(held.trim().split('\n')).toEqual(programs.toSorted());
      expect(await faults.run(worker, ['kubelet', '--version'])).toBe(`Kubernetes v${target}\n`);
    }
    const wanted = workers.map((name) => `${name} ${target}`);
    await untilTrue('both are Ready with it', async () =>
      (await kubelets()).every((one, at) => one === wanted[at]),
    );
    expect(await kubelets()).toEqual(wanted);
  });
});
