// The control plane of one machine, taken to 1.29 and back to its snapshot of 1.28 over jobs, with
// the rights of deploy/rbac. While it is restored there is no API server by which it could be
// reached: the machine goes on by itself, also when its power is cut.

import type { ClusterAccess, KubeadmJobsAccess } from '../../../activities/access';
import { openServedCluster } from '../../../activities/adapters/open-cluster';
import type { ClusterPorts } from '../../../activities/ports';
import type { EtcdSnapshotFacts } from '../../../activities/snapshot-ports';
import type { MemberName } from '../../../domain/names';
import { nodeJobImage } from '../../../lab/machines/images';
import { offerRelease } from '../../../lab/machines/offer-release';
import { refusalOf } from '../../activities/adapters/support/refusals';
import { aContext, type Heard } from '../../activities/drivers/support/programs';
import { version } from '../../support/builders';
import { KubeadmMachines } from '../../support/kubeadm-machines';
import { until, untilTrue } from '../../support/lab-until';
import { kubeconfigWith, manifestsOf, rightsOf } from '../../support/service-accounts';

jest.setTimeout(900_000);

const [from, to] = [version('1.28.15'), version('1.29.15')];
const [oldEtcd, newEtcd] = [version('3.5.15'), version('3.5.16')];
const member = 'cp-1' as MemberName;
const jobs = { namespace: 'ascent-nodes', image: nodeJobImage };
const operations = '/var/lib/ascent/operations';
const wayBack = '/var/lib/ascent/way-back';
const unit = '/etc/systemd/system/ascent-restore.service';

describe('a control plane of one machine that is reached by jobs', () => {
  let machines: KubeadmMachines;
  let access: ClusterAccess<KubeadmJobsAccess>;
  let facts: EtcdSnapshotFacts;

  beforeAll(async () => {
    machines = await KubeadmMachines.up({ name: 'jobs-back', controlPlanes: 1, workers: 1 });
    await machines.apply(...manifestsOf(rightsOf.nodeJobs));
    await offerRelease(machines.lab.context, to);
    const { driver, ...others } = machines.lab.access;
    const name = 'ascent-node-jobs';
    const token = await machines.kubectl('create', 'token', name, '-n', jobs.namespace);
    const kubeconfig = await kubeconfigWith(token.trim(), {
      kubeconfig: others.kubeconfig,
      to: machines.at('jobs.kubeconfig'),
    });
    const all = { 'cp-1': {}, 'worker-1': {} };
    const { packages } = driver;
    access = {
      ...others,
      driver: { kind: 'kubeadm', jobs: { ...jobs, kubeconfig }, machines: all, packages },
    };
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
    await untilTrue('all of it answers', async () => (await told()).members.every(isVersion));
    expect(await told()).toEqual({ members: [to, to, to], etcd: [newEtcd] });
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
    await untilTrue('all of it answers', async () => (await told()).members.every(isVersion));
    expect(await told()).toEqual({ members: [from, from, from], etcd: [oldEtcd] });
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
    await untilTrue('all of it answers', async () => (await told()).members.every(isVersion));
    expect(await told()).toEqual({ members: [from, from, from], etcd: [oldEtcd] });
    expect(await configMaps()).toEqual(['configmap/kube-root-ca.crt', 'configmap/older']);
  });
});

function isVersion(text: string): boolean {
  return /^\d/.test(text);
}
