// A control plane of three machines, taken to 1.29 and back to its snapshot of 1.28 over jobs, with
// a worker of its own and Temporal: each machine restores itself, one loses its power meanwhile,
// and what was written since the snapshot is gone. Then without any API server, by hand.

import { mkdir } from 'node:fs/promises';

import type { ClusterAccess, KubeadmJobsAccess } from '../../../activities/access';
import { openServedCluster } from '../../../activities/adapters/open-cluster';
import type { ClusterPorts } from '../../../activities/ports';
import type { MemberName } from '../../../domain/names';
import { labLayout } from '../../../lab/layout';
import { offerRelease } from '../../../lab/machines/offer-release';
import { aContext } from '../../activities/drivers/support/programs';
import { version } from '../../support/builders';
import { jobsAccess } from '../../support/jobs-access';
import { KubeadmMachines } from '../../support/kubeadm-machines';
import { kubeadmSpec, workerPool } from '../../support/kubeadm-spec';
import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilProgress } from '../../support/lab-progress';
import { aStory } from '../../support/lab-story';
import { until, untilTrue } from '../../support/lab-until';

jest.setTimeout(1_500_000);

const [from, to] = [version('1.28.15'), version('1.29.15')];
const ofEtcd = version('3.5.15');
const members = ['cp-1', 'cp-2', 'cp-3'] as const;
const operations = '/var/lib/ascent/operations';
const wayBack = '/var/lib/ascent/way-back';
const unit = '/etc/systemd/system/ascent-restore.service';
const cluster = 'jobs-members';
const ofBefore = ['configmap/kube-root-ca.crt', 'configmap/of-before'];
/** A test may be slow, and an upgrade of three members takes some minutes. */
const patient = { timeoutMs: 1_200_000 };

describe('a control plane of three machines that is reached by jobs', () => {
  const label = Object.entries(workerPool).map((pair) => pair.join('='));
  let ground: LabGround;
  let machines: KubeadmMachines;
  let access: ClusterAccess<KubeadmJobsAccess>;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: cluster, members: 1, nodes: 0, pods: 0 });
    // The lab of machines is elsewhere; here lies what the worker leaves.
    const { logs, processes } = labLayout(ground.stateDir);
    for (const each of [logs, processes]) await mkdir(each, { recursive: true });
    machines = await KubeadmMachines.up({ name: cluster, controlPlanes: 3, workers: 1 });
    await machines.kubectl('label', 'node', 'worker-1', ...label);
    await machines.kubectl('create', 'configmap', 'of-before');
    await offerRelease(machines.lab.context, to);
    const byJobs = await jobsAccess(machines);
    ({ access } = byJobs);
    await ground.startWorker({ accessFile: byJobs.file });
  });

  afterAll(async () => {
    await ground?.close();
    await machines?.down();
  });

  const onAll = (script: string): Promise<readonly string[]> =>
    Promise.all(members.map((member) => machines.sh(member, script)));
  const told = async () => {
    const { members: seen, etcd } = await machines.observe();
    return {
      members: seen.map(({ apiServer, controllerManager, scheduler }) =>
        [apiServer, controllerManager, scheduler].map((one) =>
          one.kind === 'observed' ? one.version : one.kind,
        ),
      ),
      etcd:
        etcd.kind === 'observed'
          ? [etcd.hashesAgree, ...etcd.members.map((one) => one.version)]
          : etcd.problem,
    };
  };
  const whole = (kubernetes: string) => ({
    members: members.map(() => [kubernetes, kubernetes, kubernetes]),
    etcd: [true, ofEtcd, ofEtcd, ofEtcd],
  });
  const untilWhole = (kubernetes: string) =>
    untilTrue(
      `all of it is ${kubernetes}`,
      async () => JSON.stringify(await told()) === JSON.stringify(whole(kubernetes)),
    );
  const configMaps = async (): Promise<readonly string[]> => {
    const names = await machines.kubectl('get', 'configmaps', '-o', 'name');
    return names.trim().split('\n');
  };
  const byJobs = async <Result>(use: (ports: ClusterPorts) => Promise<Result>): Promise<Result> => {
    const ports = openServedCluster(access);
    try {
      return await use(ports);
    } finally {
      await ports.close();
    }
  };

  tell('goes forward, with the same way back staged on each of them', async () => {
    const spec = kubeadmSpec({ cluster, target: to });
    expect(await ground.client.start(spec, { actor: 'ada' })).toMatchObject({ kind: 'started' });
    await untilProgress(
      ground,
      'a kubelet runs the next minor',
      ({ pool }) => (pool?.done.some(({ node }) => node === 'cp-1') ? true : undefined),
      patient,
    );
    await untilWhole(to);
    const abouts = await onAll(`cat ${wayBack}/about`);
    expect(new Set(abouts).size).toBe(1);
    expect(abouts[0]).toMatch(
      new RegExp(
        `^Kubernetes ${from}, etcd ${ofEtcd}, revision \\d+, to go on at 100000\\d{6} as` +
          ' ascent-[0-9a-f]{12}-100000\\d{6} with cp-1=https://[0-9.]+:2380,' +
          'cp-2=https://[0-9.]+:2380,cp-3=https://[0-9.]+:2380, SHA-256 [0-9a-f]{64}\n$',
      ),
    );
  });

  tell('goes back, each machine by itself, through a power cut', async () => {
    await machines.kubectl('create', 'configmap', 'of-since');
    const made = await ground.client.previewRollBack(cluster, { hop: 'hop-1.29' });
    if (made.kind === 'failed') throw new Error(made.failure.message);
    const asked = { actor: 'ada', reason: 'it does not look right', hop: 'hop-1.29' };
    await ground.client.confirmRollBack(cluster, { ...asked, report: made.report.digest });
    const output = `cat ${operations}/restore-*-staged/output 2> /dev/null || true`;
    await untilTrue(
      'the data of cp-2 is restored',
      async () => (await machines.sh('cp-2', output)).includes('restoring the data of etcd'),
      patient,
    );
    await machines.faults.powerOff('cp-2');
    await machines.faults.powerOn('cp-2');
    expect(await untilEnded(ground)).toMatchObject({
      outcome: 'rolled-back',
      at: from,
      hop: 'hop-1.29',
      hops: [{ hop: 'hop-1.29', outcome: 'rolled-back', account: expect.anything() as object }],
    });
  });

  tell('is as it was before, all of it', async () => {
    await untilWhole(from);
    expect(await configMaps()).toEqual(ofBefore);
    const { nodes } = await machines.observe();
    expect(nodes.map(({ name, kubeletVersion }) => [name, kubeletVersion])).toEqual(
      [...members, 'worker-1'].map((name) => [name, from]),
    );
    // The boot of the second has begun it again.
    const runs = await onAll(`wc -l < "$(echo ${operations}/restore-*-staged/runs)"`);
    expect(runs.map(Number)).toEqual([1, 2, 1]);
    expect(await onAll(`ls -d ${wayBack} ${unit} 2> /dev/null || true`)).toEqual(['', '', '']);
  });

  /** Of the cluster as it is, staged by the call of that name. */
  const stage = async (operationId: string) => {
    const { revision: snapshotRevision, etcdVersion } = await machines.snapshot();
    const snapshotFile = machines.at('snapshot.db');
    const order = { snapshotFile, snapshotRevision, version: from, etcdVersion };
    const heard = aContext({ operationId, limitMs: 600_000 });
    await byJobs(async ({ controlPlane }) => controlPlane.stageRestore?.(order, heard));
    return order;
  };

  tell('is restored by hand on two of them, and by the worker on the late one', async () => {
    const order = await stage('stage-by-hand');
    await machines.kubectl('create', 'configmap', 'later');
    // Their manifests of the version are kept as well.
    await onAll('rm /etc/kubernetes/manifests/kube-apiserver.yaml');
    await untilTrue('they are away', () =>
      configMaps().then(
        () => false,
        () => true,
      ),
    );
    const heard = aContext({ operationId: 'by-hand', limitMs: 1_200_000 });
    const restoring = { ...order, restoreId: 'by-hand' };
    const done = byJobs(({ controlPlane }) => controlPlane.restore(restoring, heard));
    const command = await until('it says what to run', () =>
      Promise.resolve(
        heard.phases.flatMap(
          (phase) => /run on each of them as root: (.*)$/.exec(phase)?.[1] ?? [],
        )[0],
      ),
    );
    expect(command).toBe(`sh ${wayBack}/restore by-hand`);
    for (const member of ['cp-1', 'cp-3']) {
      expect(await machines.sh(member, command)).toContain('it goes on by itself');
    }
    expect(await done).toEqual({ lost: [] });
    await untilWhole(from);
    expect(await configMaps()).toEqual(ofBefore);
    const runs = await onAll(`wc -l < ${operations}/restore-by-hand-staged/runs`);
    expect(runs.map(Number)).toEqual([1, 1, 1]);
  });

  tell('goes on without one that is away, which a Job repairs when it is back', async () => {
    const order = await stage('stage-without');
    await machines.kubectl('create', 'configmap', 'later');
    await machines.faults.powerOff('cp-3');
    const heard = aContext({ operationId: 'without', limitMs: 1_200_000 });
    const restoring = { ...order, restoreId: 'without' };
    const ended = await byJobs(({ controlPlane }) => controlPlane.restore(restoring, heard));
    const problem = expect.stringContaining('cp-3') as string;
    expect(ended).toEqual({ lost: [{ member: 'cp-3', problem }] });
    await untilTrue('two serve what was', async () => {
      const names = await configMaps();
      return JSON.stringify(names) === JSON.stringify(ofBefore);
    });
    const ready = async (): Promise<boolean> => {
      const template = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
      const asked = ['get', 'node', 'cp-3', '-o', template, '--request-timeout', '5s'];
      return (await machines.kubectl(...asked)) === 'True';
    };
    await untilTrue('it is away for them', async () => !(await ready()));
    // Its etcd is the old one, and so is what its API server knows.
    await machines.faults.powerOn('cp-3');
    await untilTrue('its kubelet is back', ready);
    const repairing = aContext({ operationId: 'repair-1', limitMs: 900_000 });
    await byJobs(({ controlPlane }) =>
      controlPlane.repairEtcdMember('cp-3' as MemberName, repairing),
    );
    await untilWhole(from);
    expect(await onAll(`ls -d ${wayBack} ${unit} 2> /dev/null || true`)).toEqual(['', '', '']);
  });
});
