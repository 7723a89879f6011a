// Workers of a real kubeadm cluster, changed by the driver kubeadm: the control plane goes first,
// by hand, as kubeadm's documentation has it; then Ascent takes both workers, through a worker of
// its own and Temporal, with pods under a budget. A connection is lost in the middle of the first.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { readAccessFile } from '../../../activities/adapters/access-file';
import { openCluster, openServedCluster } from '../../../activities/adapters/open-cluster';
import type { KubeadmDriverAccess } from '../../../activities/access';
import { observeCluster } from '../../../activities/observe';
import type { ClusterName, NodeName } from '../../../domain/names';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import type { UpgradeSpec } from '../../../domain/spec';
import { labLayout } from '../../../lab/layout';
import { machineFaults, type MachineFaults } from '../../../lab/machines/machine-faults';
import { machinesDown, machinesUp } from '../../../lab/machines/machines-lab';
import type { MachinesLab } from '../../../lab/machines/machines-lab';
import { machinesLayout } from '../../../lab/machines/machines-file';
import { offeredAt, offerRelease } from '../../../lab/machines/offer-release';
import { webWorkload } from '../../../lab/machines/web-workload';
import { LabGround } from '../../support/lab-ground';
import { untilEnded } from '../../support/lab-progress';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';
import { untilTrue } from '../../support/lab-until';
import { version } from '../../support/builders';
import { refusalOf } from '../../activities/adapters/support/refusals';
import { aContext } from '../../activities/drivers/support/programs';

jest.setTimeout(900_000);

const target = version('1.29.15');
const workers = ['worker-1', 'worker-2'];
const ofCluster = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'];
const journal = '/var/lib/ascent/operations';
/** `FILE` of every step but those that bring images. */
const ofChanges = `
for step in ${journal}/*/; do
  if [ "$(cat "$step/changes" 2> /dev/null)" != images ]; then cat "$step/$1"; fi
done
`;

/** Of sshd: each is a child of the one that listens, and that one of the first process. */
const endSessions = `
listening=$(ps -o pid=,ppid= -C sshd | awk '$2 == 1 { print $1 }')
kill -9 $(ps -o pid= --ppid "$listening")
`;

/** Only workers: the driver changes no control plane. */
function specOf(to = target): UpgradeSpec {
  const spec = labSpec({ cluster: 'on-kubeadm', target: to, allowSingleMember: true });
  const nodeSelector = { 'ascent.test/pool': 'workers' };
  return { ...spec, pools: spec.pools.map((pool) => ({ ...pool, nodeSelector })) };
}

describe('workers of a kubeadm cluster', () => {
  let ground: LabGround;
  let stateDir: string;
  let lab: MachinesLab;
  let faults: MachineFaults;
  const tell = aStory(() => ground.diagnosis());

  const kubectl = (...args: readonly string[]) => faults.run('cp-1', [...ofCluster, ...args]);
  const toldBy = (machine: string, file: string) =>
    faults.run(machine, ['sh', '-c', ofChanges, 'sh', file]);
  const observe = async () => {
    const ports = openCluster(lab.access);
    try {
      const signal = AbortSignal.timeout(60_000);
      return await observeCluster({ cluster: 'on-kubeadm' as ClusterName, ports, signal });
    } finally {
      await ports.close();
    }
  };
  /** By hand, with the programs of the release. */
  const upgradeControlPlane = async (): Promise<void> => {
    const kubeadm = offeredAt(target, 'kubeadm');
    // etcd stays: this is about workers, and it takes a minute.
    const apply = [kubeadm, 'upgrade', 'apply', '--yes', '--etcd-upgrade=false', `v${target}`];
    await faults.run('cp-1', apply, 600_000);
    for (const program of ['kubeadm', 'kubectl', 'kubelet'] as const) {
      const replace = 'cp "$1" "$2.new" && mv "$2.new" "$2"';
      const from = offeredAt(target, program);
      await faults.run('cp-1', ['sh', '-c', replace, 'sh', from, `/usr/bin/${program}`]);
    }
    await faults.run('cp-1', ['systemctl', 'restart', 'kubelet']);
  };

  beforeAll(async () => {
    ground = await LabGround.open({ name: 'on-kubeadm', members: 1, nodes: 0, pods: 0 });
    // The lab of machines is elsewhere; here lies what the worker leaves.
    const { logs, processes } = labLayout(ground.stateDir);
    for (const each of [logs, processes]) await mkdir(each, { recursive: true });
    stateDir = await mkdtemp(path.join(tmpdir(), 'ascent-kubeadm-'));
    const shape = { name: 'on-kubeadm', controlPlanes: 1, workers: 2, version: '1.28' };
    lab = await machinesUp({ ...shape, stateDir: path.join(stateDir, 'lab') });
    faults = machineFaults(lab.context);
    const apply = `printf %s "$1" | ${ofCluster.join(' ')} apply -f -`;
    await faults.run('cp-1', ['sh', '-c', apply, 'sh', webWorkload]);
    for (const node of workers) await kubectl('label', 'node', node, 'ascent.test/pool=workers');
    await offerRelease(lab.context, target);
  });

  afterAll(async () => {
    await ground?.close();
    if (stateDir === undefined) return;
    await machinesDown({ stateDir: path.join(stateDir, 'lab') });
    await rm(stateDir, { recursive: true, force: true });
  });

  tell('have a plan that takes their control plane along', async () => {
    const observation = await observe();
    expect(observation.availableVersions).toEqual([target]);
    const planned = planUpgrade({ spec: specOf(), observation, releases: knownReleases });
    expect(planned).toMatchObject({ kind: 'planned' });
  });

  tell('are left as they are where a host key is another one', async () => {
    const layout = machinesLayout(lab.stateDir);
    const known = await readFile(path.join(layout.ssh, 'known_hosts'), 'utf8');
    const [first = '', second = '', third = ''] = known.trim().split('\n');
    const swapped = [second, third, first].map((line, at) =>
      line.replace(/^\S+/, [first, second, third][at]?.split(' ')[0] ?? ''),
    );
    const knownHosts = path.join(stateDir, 'swapped');
    await writeFile(knownHosts, swapped.join('\n'));
    const driver: KubeadmDriverAccess = {
      ...lab.access.driver,
      ssh: { ...lab.access.driver.ssh, knownHosts },
    };
    const ports = openServedCluster({ ...lab.access, driver });
    const work = ports.nodes.upgradeNode('worker-1' as NodeName, target, aContext());
    expect(await refusalOf(work)).toEqual({
      code: 'unauthorized',
      message: expect.stringContaining(`${knownHosts} has another key of it`) as string,
    });
    await ports.close();
    expect(await faults.run('worker-1', ['ls', '/var/lib'])).not.toContain('ascent');
  });

  tell('are changed by Ascent, and a lost connection is taken up again', async () => {
    await upgradeControlPlane();
    await untilTrue('the control plane serves, and every node', async () => {
      const { members, nodes } = await observe();
      const [first] = nodes.filter(({ name }) => name === 'cp-1');
      const serves = ({ apiServer }: (typeof members)[number]) =>
        apiServer.kind === 'observed' && apiServer.version === target;
      const areReady = nodes.every(({ ready }) => ready) && first?.kubeletVersion === target;
      return members.every(serves) && areReady;
    });
    const read = await readAccessFile(lab.accessFile);
    expect(read).toMatchObject({ kind: 'read', access: { driver: lab.access.driver } });
    const worker = await ground.startWorker({ accessFile: lab.accessFile });
    expect(await ground.client.start(specOf(), { actor: 'ada' })).toMatchObject({
      kind: 'started',
    });
    const begun = async (): Promise<boolean> =>
      (await toldBy('worker-1', 'runs').catch(() => '')) !== '';
    await untilTrue('worker-1 is being changed', begun);
    await faults.run('worker-1', ['sh', '-c', endSessions]);

    expect(await untilEnded(ground)).toMatchObject({ outcome: 'completed', to: target });

    const log = await readFile(worker.logFile, 'utf8');
    expect(log).toContain('machine worker-1: the connection was lost');
    for (const machine of workers) {
      expect(await toldBy(machine, 'exit')).toBe('0\n');
      const runs = await toldBy(machine, 'runs');
      expect(runs.trim().split('\n')).toHaveLength(1);
      expect(await faults.run(machine, ['kubelet', '--version'])).toBe(`Kubernetes v${target}\n`);
      const kubeadm = await faults.run(machine, ['kubeadm', 'version', '-o', 'short']);
      expect(kubeadm).toBe(`v${target}\n`);
    }
    const { nodes } = await observe();
    expect(
      nodes.map(({ name, kubeletVersion, ready, cordon }) => [
        name,
        kubeletVersion,
        ready,
        cordon.kind,
      ]),
    ).toEqual(['cp-1', ...workers].map((name) => [name, target, true, 'none']));
    const ready = ['get', 'deployment/web', '-o', 'jsonpath={.status.readyReplicas}'];
    await untilTrue('both pods serve', async () => (await kubectl(...ready)) === '2');
  });
});
