// The control plane of one machine, taken to 1.29 and back to its snapshot of 1.28 over jobs, with
// the rights of deploy/rbac. While it is restored there is no API server by which it could be
// reached: the machine goes on by itself, also when its power is cut.

import { mkdir } from 'node:fs/promises';

import type { ClusterAccess, KubeadmJobsAccess } from '../../../activities/access';
import { openServedCluster } from '../../../activities/adapters/open-cluster';
import type { ClusterPorts } from '../../../activities/ports';
import type { EtcdSnapshotFacts } from '../../../activities/snapshot-ports';
import type { MemberName } from '../../../domain/names';
import type { WorkerProcess } from '../../../bin/demo/worker-process';
import { labLayout } from '../../../lab/layout';
import { offerRelease } from '../../../lab/machines/offer-release';
import { refusalOf } from '../../activities/adapters/support/refusals';
import { aContext, type Heard } from '../../activities/drivers/support/programs';
import { version } from '../../support/builders';
import { jobsAccess } from '../../support/jobs-access';
import { KubeadmMachines } from '../../support/kubeadm-machines';
import { kubeadmSpec, workerPool } from '../../support/kubeadm-spec';
import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilProgress } from '../../support/lab-progress';
import { aStory } from '../../support/lab-story';
import { until, untilTrue } from '../../support/lab-until';

jest.setTimeout(900_000);

const [from, to] = [version('1.28.15'), version('1.29.15')];
const [oldEtcd, newEtcd] = [version('3.5.15'), version('3.5.16')];
const member = 'cp-1' as MemberName;
const operations = '/var/lib/ascent/operations';
const wayBack = '/var/lib/ascent/way-back';
const unit = '/etc/systemd/system/ascent-restore.service';

describe('a control plane of one machine that is reached by jobs', () => {
  let machines: KubeadmMachines;
  let access: ClusterAccess<KubeadmJobsAccess>;
  let facts: EtcdSnapshotFacts;

  beforeAll(async () => {
    machines = await KubeadmMachines.up({ name: 'jobs-back', controlPlanes: 1, workers: 1 });
    await offerRelease(machines.lab.context, to);
    ({ access } = await jobsAccess(machines));
    await machines.kubectl('create', 'configmap', 'older');
    facts = await machines.snapshot();
  });

  afterAll(() => machines?.down());

  const byJobs = async <Result>(use: (ports: ClusterPorts) => Promise<Result>): Promise<Result> => {
    const ports = openServedCluster(access);
    try {
      return await use(ports);
    } finally {
      await ports.close();
    }
  };
  const staging = () => ({
    snapshotFile: machines.at('snapshot.db'),
    snapshotRevision: facts.revision,
    version: from,
    etcdVersion: facts.etcdVersion,
  });
  const stage = async (operationId: string): Promise<Heard> => {
    const heard = aContext({ operationId, limitMs: 300_000 });
    await byJobs(async ({ controlPlane }) => controlPlane.stageRestore?.(staging(), heard));
    return heard;
  };
  const restore = (restoreId: string) => {
    const heard = aContext({ operationId: restoreId, limitMs: 600_000 });
    const order = { ...staging(), restoreId };
    const done = byJobs(({ controlPlane }) => controlPlane.restore(order, heard));
    return { heard, done };
  };
  const told = async () => {
    const { members, etcd } = await machines.observe();
    return {
      members: members.flatMap(({ apiServer, controllerManager, scheduler }) =>
        [apiServer, controllerManager, scheduler].map((one) =>
          one.kind === 'observed' ? one.version : one.kind,
        ),
      ),
      etcd: etcd.kind === 'observed' ? etcd.members.map((one) => one.version) : etcd.problem,
    };
  };
  /** What the first look tells that all of it answers: it may go away again for a moment. */
  const untilTold = () =>
    until('all of it answers', async () => {
      const now = await told();
      return now.members.every(isVersion) ? now : undefined;
    });
  const configMaps = async (): Promise<readonly string[]> => {
    const names = await machines.kubectl('get', 'configmaps', '-o', 'name');
    return names.trim().split('\n');
  };
  const outputOf = (restoreId: string) =>
    machines.sh('cp-1', `cat ${operations}/restore-${restoreId}-staged/output`);

  it('has its way back staged, once, for root alone', async () => {
    const { phases } = await stage('stage-1');
    expect(phases.at(-1)).toBe(`cp-1: sending the snapshot, ${facts.sizeBytes} bytes`);
    const list = await machines.sh('cp-1', `cd ${wayBack}; find . -type f -printf '%m %P\\n'`);
    expect(list.trim().split('\n').toSorted()).toEqual([
      '600 about',
      '600 begin',
      '600 begin-alone',
      '600 restore',
      '600 snapshot.db',
      '700 bin/etcdctl',
    ]);
    expect(await machines.sh('cp-1', `stat -c %a ${wayBack}`)).toBe('700\n');
    expect((await stage('stage-2')).phases).toEqual([]);
  });

  it('goes forward while its API server goes away', async () => {
    const heard = aContext({ operationId: 'up', limitMs: 600_000 });
    await byJobs(({ controlPlane }) =>
      controlPlane.upgrade(member, 'member', { version: to }, heard),
    );
    const etcd = aContext({ operationId: 'up-etcd', limitMs: 600_000 });
    await byJobs(({ controlPlane }) => controlPlane.changeEtcd(member, newEtcd, etcd));
    expect(
      await machines.sh('cp-1', `cat ${operations}/up/runs ${operations}/up-etcd/runs | wc -l`),
    ).toBe('2\n');
    expect(await untilTold()).toEqual({ members: [to, to, to], etcd: [newEtcd] });
    await machines.kubectl('create', 'configmap', 'newer');
  });

  it('is left as it is where what was kept is not there', async () => {
    const kept = `/var/lib/ascent/kept/v${from}`;
    await machines.sh('cp-1', `mv ${kept} ${kept}.aside`);
    const refused = await refusalOf(restore('back').done);
    await machines.sh('cp-1', `mv ${kept}.aside ${kept}`);
    expect(refused.code).toBe('rejected');
    expect(refused.message).toContain(`restoring Kubernetes ${from} on machine cp-1 is refused: `);
    expect(refused.message).toContain(`there is no kube-apiserver.yaml of ${from} in `);
    expect(await told()).toEqual({ members: [to, to, to], etcd: [newEtcd] });
    expect(await machines.sh('cp-1', `ls ${unit} 2> /dev/null || true`)).toBe('');
  });

  it('returns by itself, also when its power is cut meanwhile', async () => {
    const { heard, done } = restore('back');
    await untilTrue('its data is restored', async () =>
      (await outputOf('back')).includes('phase: restoring the data of etcd'),
    );
    await machines.faults.powerOff('cp-1');
    await machines.faults.powerOn('cp-1');
    expect(await done).toEqual({ lost: [] });
    // The first was refused; the boot has begun the third.
    expect(await machines.sh('cp-1', `wc -l < ${operations}/restore-back-staged/runs`)).toBe('3\n');
    const own = heard.phases.find((phase) => phase.includes('no API server has answered since'));
    expect(own).toContain(
      `machine cp-1 restores itself, and tells how far it is in` +
        ` ${operations}/restore-back-staged/output`,
    );
  });

  it('serves what the snapshot had, in the versions of then', async () => {
    expect(await untilTold()).toEqual({ members: [from, from, from], etcd: [oldEtcd] });
    expect(await configMaps()).toEqual(['configmap/kube-root-ca.crt', 'configmap/older']);
    const config = ['get', '-n', 'kube-system', 'configmap/kubeadm-config', '-o', 'yaml'];
    expect(await machines.kubectl(...config)).toContain(`kubernetesVersion: v${from}`);
  });

  it('keeps neither the snapshot nor a unit', async () => {
    const left = `ls -d ${wayBack} ${unit} /var/lib/ascent/restores/back/snapshot.db 2> /dev/null`;
    expect(await machines.sh('cp-1', `${left} || true`)).toBe('');
  });

  it('is restored by hand where no API server serves any more', async () => {
    facts = await machines.snapshot();
    await stage('stage-3');
    await machines.kubectl('create', 'configmap', 'later');
    // Its manifest of the version is kept as well.
    await machines.sh('cp-1', 'rm /etc/kubernetes/manifests/kube-apiserver.yaml');
    await untilTrue('it is away', () =>
      configMaps().then(
        () => false,
        () => true,
      ),
    );
    const { heard, done } = restore('by-hand');
    const command = await until('it says what to run', () =>
      Promise.resolve(
        heard.phases.flatMap((phase) => /run there as root: (.*)$/.exec(phase)?.[1] ?? []).at(0),
      ),
    );
    expect(command).toBe(`sh ${wayBack}/restore by-hand`);
    expect(await machines.sh('cp-1', command)).toContain('it goes on by itself');
    expect(await done).toEqual({ lost: [] });
    expect(await untilTold()).toEqual({ members: [from, from, from], etcd: [oldEtcd] });
    expect(await configMaps()).toEqual(['configmap/kube-root-ca.crt', 'configmap/older']);
  });
});

describe('an upgrade by jobs, with a worker and Temporal', () => {
  const cluster = 'jobs-hop';
  const label = Object.entries(workerPool).map((pair) => pair.join('='));
  let ground: LabGround;
  let machines: KubeadmMachines;
  let file: string;
  let worker: WorkerProcess;
  const tell = aStory(() => ground.diagnosis());

  const seen = async () => {
    const { members, nodes, etcd } = await machines.observe();
    return {
      members: members.map(({ apiServer }) => apiServer),
      nodes: nodes.map(({ name, kubeletVersion, ready }) => [name, kubeletVersion, ready]),
      etcd: etcd.kind,
    };
  };

  beforeAll(async () => {
    ground = await LabGround.open({ name: cluster, members: 1, nodes: 0, pods: 0 });
    // The lab of machines is elsewhere; here lies what the worker leaves.
    const { logs, processes } = labLayout(ground.stateDir);
    for (const each of [logs, processes]) await mkdir(each, { recursive: true });
    machines = await KubeadmMachines.up({ name: cluster, controlPlanes: 1, workers: 1 });
    await machines.kubectl('label', 'node', 'worker-1', ...label);
    await machines.kubectl('create', 'configmap', 'of-before');
    await offerRelease(machines.lab.context, to);
    ({ file } = await jobsAccess(machines));
    worker = await ground.startWorker({ accessFile: file });
  });

  afterAll(async () => {
    await ground?.close();
    await machines?.down();
  });

  tell('takes the control plane and its kubelet forward, with the way back staged', async () => {
    const spec = kubeadmSpec({ cluster, target: to, allowSingleMember: true });
    expect(await ground.client.start(spec, { actor: 'ada' })).toMatchObject({ kind: 'started' });
    // Its pool has one node, and may be over between two looks.
    await untilProgress(ground, 'a kubelet runs the next minor', ({ pool, stepSeconds }) =>
      pool?.done.some(({ node }) => node === 'cp-1') === true ||
      stepSeconds?.['pool control-planes'] !== undefined
        ? true
        : undefined,
    );
    expect(await machines.sh('cp-1', `cat ${wayBack}/about`)).toMatch(
      new RegExp(
        `^Kubernetes ${from}, etcd ${oldEtcd}, revision \\d+, to go on at \\d+ as \\S+ with` +
          ' cp-1=https://[0-9.]+:2380, SHA-256 [0-9a-f]{64}\n$',
      ),
    );
  });

  tell('goes back by the restore of the machine itself, and says where to look', async () => {
    await machines.kubectl('create', 'configmap', 'of-since');
    const made = await ground.client.previewRollBack(cluster, { hop: 'hop-1.29' });
    if (made.kind === 'failed') throw new Error(made.failure.message);
    const asked = { actor: 'ada', reason: 'it does not look right', hop: 'hop-1.29' };
    await ground.client.confirmRollBack(cluster, { ...asked, report: made.report.digest });
    const says = await untilProgress(ground, 'the machine restores itself', ({ restoring }) =>
      restoring?.includes('restores itself') === true ? restoring : undefined,
    );
    expect(says).toMatch(/^cp-1: no API server has answered since 2\S+Z: machine cp-1 restores/);
    // Who follows it is another one from now on.
    await ground.killWorker(worker);
    await ground.startWorker({ accessFile: file });
    expect(await untilEnded(ground)).toMatchObject({
      outcome: 'rolled-back',
      at: from,
      hop: 'hop-1.29',
      hops: [{ hop: 'hop-1.29', outcome: 'rolled-back', account: expect.anything() as object }],
    });
  });

  tell('is as it was before', async () => {
    const { members, nodes, etcd } = await seen();
    expect(members).toMatchObject([{ kind: 'observed', version: from, ready: true }]);
    expect([nodes, etcd]).toEqual([
      [
        ['cp-1', from, true],
        ['worker-1', from, true],
      ],
      'observed',
    ]);
    const names = await machines.kubectl('get', 'configmaps', '-o', 'name');
    expect(names.trim().split('\n')).toEqual(['configmap/kube-root-ca.crt', 'configmap/of-before']);
    const runs = `cat ${operations}/restore-*-staged/runs | wc -l`;
    const left = `[ ! -e ${wayBack} ] || echo "${wayBack} is there"`;
    expect(await machines.sh('cp-1', `${runs}; ${left}`)).toBe('1\n');
  });
});

function isVersion(text: string): boolean {
  return /^\d/.test(text);
}
