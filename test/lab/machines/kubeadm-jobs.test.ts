// A worker of a real kubeadm cluster, changed over jobs on its node instead of SSH, with exactly
// the rights of deploy/rbac: one service account looks and plans, another enters machines. While it
// is changed, container runtime and kubelet are restarted, and once its power is cut.

import { openCluster, openServedCluster } from '../../../activities/adapters/open-cluster';
import type { ClusterAccess, KubeadmJobsAccess } from '../../../activities/access';
import { previewDrain } from '../../../activities/drain/drain-preview';
import { runStep } from '../../../activities/drivers/machine-steps';
import { createJobMachines } from '../../../activities/adapters/job-machines';
import { openKubeConnection } from '../../../activities/adapters/kube-connection';
import { observeForPreflight } from '../../../activities/observe';
import type { ClusterName, NodeName } from '../../../domain/names';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import { nodeJobImage } from '../../../lab/machines/images';
import { offerRelease } from '../../../lab/machines/offer-release';
import { refusalOf } from '../../activities/adapters/support/refusals';
import { aContext, type Heard } from '../../activities/drivers/support/programs';
import { version } from '../../support/builders';
import { KubeadmMachines } from '../../support/kubeadm-machines';
import { labDrainPolicy, labSpec } from '../../support/lab-spec';
import { untilTrue } from '../../support/lab-until';
import { kubeconfigWith, manifestsOf, rightsOf } from '../../support/service-accounts';

jest.setTimeout(900_000);

const [from, target] = [version('1.28.15'), version('1.29.15')];
const worker = 'worker-1';
const jobs = { namespace: 'ascent-nodes', image: nodeJobImage };
const journal = '/var/lib/ascent/operations';
const restart = (unit: string) => `systemctl restart ${unit}`;

describe('machines that are reached by jobs', () => {
  let machines: KubeadmMachines;
  let access: ClusterAccess<KubeadmJobsAccess>;

  beforeAll(async () => {
    machines = await KubeadmMachines.up({ name: 'by-jobs', controlPlanes: 1, workers: 1 });
    await machines.apply(...manifestsOf(rightsOf.planner), ...manifestsOf(rightsOf.nodeJobs));
    const { driver, ...others } = machines.lab.access;
    const { kubeconfig } = others;
    const as = async (namespace: string, name: string): Promise<string> => {
      const token = await machines.kubectl('create', 'token', name, '--namespace', namespace);
      return kubeconfigWith(token.trim(), { kubeconfig, to: machines.at(`${name}.kubeconfig`) });
    };
    access = {
      ...others,
      kubeconfig: await as('ascent', 'ascent-planner'),
      driver: {
        kind: 'kubeadm',
        jobs: { ...jobs, kubeconfig: await as(jobs.namespace, 'ascent-node-jobs') },
        machines: { 'cp-1': {}, [worker]: {} },
        packages: driver.packages,
      },
    };
  });

  afterAll(() => machines?.down());

  /** A step of its own on the worker. */
  const stepOf = (operationId: string, script: string): { heard: Heard; done: Promise<void> } => {
    const connection = openKubeConnection(access.driver.jobs.kubeconfig ?? '');
    const heard = aContext({ operationId, limitMs: 300_000 });
    const reached = createJobMachines(connection, access.driver);
    const step = { machine: worker, doing: 'trying it', script };
    const run = async (): Promise<void> => {
      try {
        await runStep({ machines: reached }, step, heard);
      } finally {
        await connection.close();
      }
    };
    return { heard, done: run() };
  };
  const hears = (heard: Heard, phase: string) =>
    untilTrue(`it is at ${phase}`, () => Promise.resolve(heard.phases.includes(phase)));
  const runsOf = async (operationId: string): Promise<number> =>
    Number(await machines.sh(worker, `wc -l < ${journal}/${operationId}/runs`));

  it('are looked at and planned for, the control plane of one machine included', async () => {
    await offerRelease(machines.lab.context, target);
    const ports = openCluster(access);
    try {
      const cluster = machines.lab.name as ClusterName;
      const signal = AbortSignal.timeout(120_000);
      const observation = await observeForPreflight({ cluster, ports, signal });
      expect(observation).toMatchObject({
        availableVersions: [target],
        drives: ['node', 'member', 'putBack', 'etcd', 'restore', 'repairEtcd', 'images'],
        driver: 'kubeadm',
        machines: [
          { kind: 'observed', facts: { releases: [target] }, name: 'cp-1' },
          { kind: 'observed', facts: { releases: [target] }, name: worker },
        ],
      });
      expect(observation.members).toMatchObject([
        {
          apiServer: { kind: 'observed', version: from },
          controllerManager: { kind: 'observed', version: from },
          scheduler: { kind: 'observed', version: from },
        },
      ]);
      const spec = labSpec({ cluster, target, allowSingleMember: true });
      expect(planUpgrade({ spec, observation, releases: knownReleases })).toMatchObject({
        kind: 'planned',
      });
    } finally {
      await ports.close();
    }
  });

  it('have pods on their nodes that a drain leaves alone', async () => {
    const ports = openCluster(access);
    try {
      const node = worker as NodeName;
      const signal = AbortSignal.timeout(60_000);
      const policy = labDrainPolicy();
      const preview = await previewDrain({ ports, node, policy, signal });
      const own = preview?.pods.filter(({ namespace }) => namespace === jobs.namespace);
      expect(own).toMatchObject([{ verdict: 'skip', reason: 'skipped-by-annotation' }]);
    } finally {
      await ports.close();
    }
  });

  it('go on with a step while their container runtime and kubelet are restarted', async () => {
    const script = `echo "phase: begun"; until [ -e /run/go-on ]; do sleep 0.2; done; echo over`;
    const { heard, done } = stepOf('op-restarts', script);
    await hears(heard, 'begun');
    await machines.sh(worker, restart('containerd'));
    await machines.sh(worker, restart('kubelet'));
    // The pod itself goes, and so does everything that was begun in it.
    const pods = ['pods', '--namespace', jobs.namespace, '--output', 'name'];
    const before = (await machines.kubectl('get', ...pods)).trim().split('\n');
    await machines.kubectl('delete', ...pods, '--all', '--wait=false');
    await untilTrue('they are gone', async () => {
      const now = await machines.kubectl('get', ...pods);
      return before.every((pod) => !now.includes(pod));
    });
    await machines.sh(worker, 'touch /run/go-on');
    await done;
    expect(heard.logged.at(-1)).toBe(`${worker}: over`);
    expect(await runsOf('op-restarts')).toBe(1);
  });

  it('begin a step again that died with them', async () => {
    const script = `echo "phase: begun"; until [ -e /opt/go-on ]; do sleep 0.2; done; echo over`;
    const { heard, done } = stepOf('op-power', script);
    await hears(heard, 'begun');
    await machines.faults.powerOff(worker);
    await machines.faults.powerOn(worker);
    await machines.sh(worker, 'touch /opt/go-on');
    await done;
    expect(heard.logged).toContain(`trying it: it died on machine ${worker}, and is begun again`);
    expect(heard.logged.at(-1)).toBe(`${worker}: over`);
    expect(await runsOf('op-power')).toBe(2);
  });

  it('are refused under another name, and where nobody may enter them', async () => {
    const signal = AbortSignal.timeout(120_000);
    const { jobs: own } = access.driver;
    const entered = async (kubeconfig: string, hostname: string): Promise<void> => {
      const connection = openKubeConnection(kubeconfig);
      const all = { [worker]: { hostname } };
      const reached = createJobMachines(connection, { jobs: own, machines: all });
      try {
        await reached.connect(worker, signal);
      } finally {
        await connection.close();
      }
    };
    expect(await refusalOf(entered(own.kubeconfig ?? '', 'worker-9'))).toEqual({
      code: 'rejected',
      message:
        `node ${worker} is not machine worker-9: it calls itself ${worker}` +
        ` - name its hostname in driver.machines.${worker}`,
    });
    const refused = await refusalOf(entered(access.kubeconfig, worker));
    expect(refused.code).toBe('forbidden');
    expect(refused.message).toContain('ascent-planner" cannot get resource "jobs"');
  });

  it('have their kubelet changed by Ascent', async () => {
    await machines.upgradeControlPlane(['cp-1'], { from, to: target, etcd: false });
    const ports = openServedCluster(access);
    try {
      const heard = aContext({ operationId: 'op-kubelet', limitMs: 600_000 });
      const done = ports.nodes.upgradeNode(worker as NodeName, target, heard);
      await untilTrue('it is begun', () => Promise.resolve(heard.phases.length > 0));
      await machines.sh(worker, restart('containerd'));
      await done;
    } finally {
      await ports.close();
    }
    expect(await runsOf('op-kubelet')).toBe(1);
    expect(await machines.sh(worker, 'kubelet --version')).toBe(`Kubernetes v${target}\n`);
    await untilTrue('the node is Ready in the version', async () => {
      const { nodes } = await machines.observe();
      const node = nodes.find(({ name }) => name === worker);
      return node?.kubeletVersion === target && node.ready;
    });
  });
});
