// The rights of deploy/rbac on a real API server: with exactly those a cluster is looked at,
// planned for and entered by jobs, and without any one of them it is not.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { ClusterAccess } from '../../../activities/access';
import { createHelmProbe } from '../../../activities/adapters/helm-probe';
import { createJobMachines } from '../../../activities/adapters/job-machines';
import { openKubeConnection } from '../../../activities/adapters/kube-connection';
import { nodeJobName } from '../../../activities/adapters/node-jobs';
import { openCluster } from '../../../activities/adapters/open-cluster';
import { previewDrain } from '../../../activities/drain/drain-preview';
import { observeForPreflight } from '../../../activities/observe';
import { PortError } from '../../../activities/ports';
import type { ClusterName, NodeName } from '../../../domain/names';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import type { PreflightObservation } from '../../../domain/preflight/drains';
import { KubeRest } from '../../../lab/kube-rest';
import type { Lab } from '../../../lab/lab';
import { labDown, labUp } from '../../../lab/lab';
import { labLayout } from '../../../lab/layout';
import { helmConfigMap, helmSecret } from '../../support/helm-records';
import { labDrainPolicy, labSpec } from '../../support/lab-spec';
import { until, untilTrue } from '../../support/lab-until';
import {
  isOfOtherMinors,
  kubeconfigWith,
  type Manifest,
  manifestsOf,
  pathOf,
  quietWebhook,
  rightsOf,
  type Rule,
  withoutEach,
} from '../../support/service-accounts';
import { never, refusalOf } from './support/refusals';

jest.setTimeout(600_000);

const namespace = 'ascent-nodes';
const node = 'worker-01';

const someDaemonSet: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'agent', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'agent' } },
    template: {
      metadata: { labels: { app: 'agent' } },
      spec: { containers: [{ name: 'main', image: 'none' }] },
    },
  },
};

function untoldDrains(drains: PreflightObservation['drains']): readonly { message: string }[] {
  if (drains?.kind === 'unobserved') return [drains.problem];
  return (drains?.unread ?? []).map(({ problem }) => ({ message: problem }));
}

/** What a preflight could not look at, in its words. */
function untold(observation: PreflightObservation): string | undefined {
  const { extensions, addons, storedObjects, volumes, configMaps, drains } = observation;
  const { admission, conversion, aggregated } = extensions ?? {};
  const parts = [admission, conversion, aggregated].filter((part) => part !== undefined);
  const problems = [
    ...parts.flatMap((part) => (part.kind === 'observed' ? [] : [part.problem])),
    ...(addons?.unlisted ?? []).map(({ problem }) => problem),
    ...(storedObjects?.unlisted ?? []).map(({ problem }) => problem),
    ...(volumes?.unlisted ?? []).map(({ problem }) => problem),
    ...(configMaps?.unread ?? []).map(({ problem }) => problem),
    ...untoldDrains(drains),
  ];
  return problems[0]?.message;
}

describe('the rights of deploy/rbac', () => {
  let root: string;
  let lab: Lab;
  let kube: KubeRest;
  let access: ClusterAccess;
  let jobsKubeconfig: string;
  let helmKubeconfig: string;

  const apply = (object: Manifest): Promise<void> => kube.apply(pathOf(object), object);

  async function tokenOf(of: string, name: string): Promise<string> {
    const at = `/api/v1/namespaces/${of}/serviceaccounts/${name}/token`;
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const { body: answer } = await kube.must({ method: 'POST', path: at, body });
    return (answer as { readonly status: { readonly token: string } }).status.token;
  }

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'ascent-lab-'));
    const stateDir = path.join(root, 'rights');
    lab = await labUp({ name: 'rights', stateDir, members: 1, nodes: 1, workloads: 'none' });
    kube = await KubeRest.admin(labLayout(stateDir), lab.access.members[0]?.apiServer ?? '');
    const { planner: toLook, helm: toReadHelm, nodeJobs: toEnter } = rightsOf;
    for (const each of [toLook, toReadHelm, toEnter].flatMap(manifestsOf)) await apply(each);
    for (const each of [someDaemonSet, ...quietWebhook]) await apply(each);
    const { kubeconfig } = lab.access;
    const as = async (of: string, name: string): Promise<string> => {
      const to = path.join(root, `${name}.kubeconfig`);
      return kubeconfigWith(await tokenOf(of, name), { kubeconfig, to });
    };
    const planner = await as('ascent', 'ascent-planner');
    access = { ...lab.access, kubeconfig: planner, driver: { kind: 'none' } };
    jobsKubeconfig = await as(namespace, 'ascent-node-jobs');
    helmKubeconfig = await as('ascent', 'ascent-helm');
  });

  afterAll(async () => {
    kube?.close();
    await labDown({ stateDir: path.join(root, 'rights') });
    await rm(root, { recursive: true, force: true });
  });

  /** Changes of rights reach the API server's authorizer a moment later. */
  async function areNeeded(
    manifests: readonly Manifest[],
    work: (rule: Rule) => Promise<string | undefined>,
  ): Promise<void> {
    for (const { whole, without, rule } of withoutEach(manifests)) {
      // The lab's controllers let everybody read their metrics; those of kubeadm do not.
      if (rule.resources === undefined || isOfOtherMinors(rule)) continue;
      const refusal = `${rule.verbs[0]} resource "${rule.resources[0]}"`;
      await apply(without);
      const isRefused = async () => (await work(rule))?.includes(refusal) === true;
      await untilTrue(`nobody may ${refusal}`, isRefused, { timeoutMs: 120_000 });
      await apply(whole);
    }
  }

  describe('to look', () => {
    /** Observe, plan, and a drain that is only tried out; the first refusal. */
    const look = async (): Promise<string | undefined> => {
      const ports = openCluster(access);
      const signal = AbortSignal.timeout(60_000);
      try {
        const cluster = lab.access.cluster as ClusterName;
        const spec = labSpec({ cluster, allowSingleMember: true });
        const observation = await observeForPreflight({ cluster, ports, signal });
        const policy = labDrainPolicy();
        await previewDrain({ ports, node: node as NodeName, policy, signal });
        const [member] = observation.members;
        expect([member?.controllerManager, member?.scheduler]).toMatchObject([
          { kind: 'observed' },
          { kind: 'observed' },
        ]);
        const planned = planUpgrade({ spec, observation, releases: knownReleases });
        expect(planned).toMatchObject({ kind: 'planned' });
        return untold(observation);
      } catch (error) {
        if (error instanceof PortError && error.code === 'forbidden') return error.message;
        throw error;
      } finally {
        await ports.close();
      }
    };

    it('are all that is needed, and no more', async () => {
      await untilTrue('a pod of a DaemonSet runs', async () => {
        const { body } = await kube.must({ method: 'GET', path: '/api/v1/pods' });
        return (body as { readonly items: readonly unknown[] }).items.length > 0;
      });
      expect(await look()).toBeUndefined();
      await areNeeded(manifestsOf(rightsOf.planner), look);
    });
  });

  describe('to look at Helm releases', () => {
    /** The first refusal; without one every release has been read. */
    const read = async (): Promise<string | undefined> => {
      const connection = openKubeConnection(helmKubeconfig);
      try {
        const seen = await createHelmProbe(connection).observe(never);
        const [refused] = seen.unlisted;
        if (refused === undefined) expect(seen.releases).toHaveLength(2);
        return refused?.problem.message;
      } finally {
        await connection.close();
      }
    };

    it('are all that is needed, and no more', async () => {
      await apply(helmSecret({ namespace: 'default', name: 'shop' }));
      await apply(helmConfigMap({ namespace: 'default', name: 'mapped' }));
      expect(await read()).toBeUndefined();
      await areNeeded(manifestsOf(rightsOf.helm), read);
    });
  });

  describe('to enter machines', () => {
    const jobPath = `/apis/batch/v1/namespaces/${namespace}/jobs`;
    const jobName = nodeJobName(node);

    /** The first refusal. Nodes of the lab have no kubelet, so that nobody gets any further. */
    const enter = async (): Promise<string | undefined> => {
      const connection = openKubeConnection(jobsKubeconfig);
      const by = { jobs: { namespace, image: 'example.com/none:1' }, machines: { [node]: {} } };
      const signal = AbortSignal.timeout(20_000);
      try {
        await createJobMachines(connection, by).connect(node, signal);
        throw new Error('somebody answers');
      } catch (error) {
        if (error === signal.reason) return undefined;
        if (!(error instanceof PortError)) throw error;
        if (error.code === 'unreachable') return undefined;
        if (error.code === 'forbidden') return error.message;
        throw error;
      } finally {
        await connection.close();
      }
    };

    /** A pod that runs, as its kubelet would say. */
    const playPod = async (): Promise<void> => {
      await enter();
      const pods = `/api/v1/namespaces/${namespace}/pods`;
      const name = await until('the Job has a pod', async () => {
        const { body } = await kube.must({ method: 'GET', path: pods });
        return (body as { readonly items: readonly Manifest[] }).items[0]?.metadata.name;
      });
      const container = { name: 'machine', ready: true, restartCount: 0, image: '', imageID: '' };
      const containerStatuses = [{ ...container, state: { running: {} } }];
      await kube.must({
        method: 'PATCH',
        path: `${pods}/${name}/status`,
        body: { status: { phase: 'Running', containerStatuses } },
        contentType: 'application/merge-patch+json',
      });
    };

    const isOf = ({ resources = [] }: Rule, thing: string) => resources[0] === thing;

    /** What a right is needed for: no Job to create one, one that has ended to delete it. */
    const prepare = async (rule: Rule): Promise<void> => {
      const [verb] = rule.verbs;
      if (isOf(rule, 'pods/exec')) return playPod();
      if (!isOf(rule, 'jobs') || verb === 'get') return;
      const at = `${jobPath}/${jobName}`;
      const removal = { method: 'DELETE', path: `${at}?propagationPolicy=Background` } as const;
      await kube.must(removal, [404]);
      if (verb === 'create') return;
      const containers = [{ name: 'one', image: 'none' }];
      const template = { spec: { restartPolicy: 'Never', containers } };
      const spec = { activeDeadlineSeconds: 1, template };
      const body = { metadata: { name: jobName }, spec };
      await kube.must({ method: 'POST', path: jobPath, body });
      await untilTrue('the Job has ended', async () => {
        const { body: job } = await kube.must({ method: 'GET', path: at });
        const { status } = job as { readonly status?: { readonly conditions?: readonly object[] } };
        return (status?.conditions ?? []).length > 0;
      });
    };

    it('are of no use in a namespace that is not there', async () => {
      const connection = openKubeConnection(lab.access.kubeconfig);
      const by = { jobs: { namespace: 'nowhere', image: 'none' }, machines: { [node]: {} } };
      const machines = createJobMachines(connection, by);
      try {
        expect(await refusalOf(machines.connect(node, never))).toEqual({
          code: 'rejected',
          message:
            `entering machine ${node} by a job: namespaces "nowhere" not found (HTTP 404)` +
            ' - create it (docs/kubeadm.md)',
        });
        expect(await refusalOf(machines.connect('worker-09', never))).toEqual({
          code: 'rejected',
          message:
            'no machine is known for worker-09: add driver.machines.worker-09 to the access file',
        });
      } finally {
        await connection.close();
      }
    });

    it('are all that is needed, and no more', async () => {
      expect(await enter()).toBeUndefined();
      await areNeeded(manifestsOf(rightsOf.nodeJobs), async (rule) => {
        // Asked for from 1.35 on.
        if (rule.verbs[0] === 'create' && isOf(rule, 'pods/exec')) {
          return 'create resource "pods/exec"';
        }
        await prepare(rule);
        return enter();
      });
    });
  });
});
