// A real cluster of three members whose control plane is a KubeadmControlPlane, on its real
// definition; its controllers are played. Two minors by Ascent alone: each member is replaced by
// another machine, with another name and another address, that the access file does not know.

import { readAccessFile } from '../../../activities/adapters/access-file';
import { openCluster } from '../../../activities/adapters/open-cluster';
import { observeCluster } from '../../../activities/observe';
import type { Observation } from '../../../domain/observation';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import { CapiGround } from '../../support/capi-ground';
import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilGate } from '../../support/lab-progress';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';
import { until } from '../../support/lab-until';

jest.setTimeout(600_000);

const cluster = 'capi-cp';
const object = 'KubeadmControlPlane prod-cp';
const made = labSpec({ cluster });
const spec = { ...made, pools: made.pools.map(({ orderLabel: _order, ...pool }) => pool) };

describe('a control plane of Cluster API', () => {
  let ground: LabGround;
  let capi: CapiGround;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: cluster, members: 3, nodes: 1, pods: 0 });
    await ground.bringUpLab();
    capi = await CapiGround.open(ground, { hasControlPlane: true });
    await ground.kube.spread('web', 2);
    await ground.startWorker({ accessFile: capi.accessFile });
  });

  afterAll(async () => {
    await capi?.close();
    await ground?.close();
  });

  async function observed(): Promise<Observation> {
    const read = await readAccessFile(capi.accessFile);
    if (read.kind === 'refused') throw new Error(read.problems.join('; '));
    const ports = openCluster(read.access);
    try {
      const signal = AbortSignal.timeout(60_000);
      return await observeCluster({ cluster: spec.cluster, ports, signal });
    } finally {
      await ports.close();
    }
  }

  /** As they are found: name, address and what runs there. */
  async function members(): Promise<readonly string[]> {
    const { members: all } = await observed();
    return all.map(({ name, endpoint, apiServer }) => {
      const at = apiServer.kind === 'observed' ? apiServer.version : apiServer.problem.message;
      return `${name} ${new URL(endpoint).hostname} ${at}`;
    });
  }

  tell('is found by its machines', async () => {
    expect(await members()).toEqual([
      'prod-cp-1 127.0.0.11 1.28.15',
      'prod-cp-2 127.0.0.12 1.28.15',
      'prod-cp-3 127.0.0.13 1.28.15',
    ]);
    const { controlPlaneObject, etcd } = await observed();
    expect(controlPlaneObject).toEqual({
      object,
      version: '1.28.15',
      replicas: 3,
      nodes: ['prod-cp-1', 'prod-cp-2', 'prod-cp-3'],
      holds: [],
    });
    expect(etcd).toMatchObject({ kind: 'observed', memberCount: 3, unreachable: [] });
  });

  tell('has no plan while somebody has paused it', async () => {
    await capi.pauseControlPlane(true);
    const observation = await observed();
    expect(planUpgrade({ spec, observation, releases: knownReleases })).toEqual({
      kind: 'blocked',
      blockers: [{ code: 'control-plane-unusable', why: 'paused', controlPlane: object }],
    });
    await capi.pauseControlPlane(false);
  });

  tell('waits for a person who knows that there is no way back', async () => {
    expect(await ground.client.start(spec, { actor: 'ada' })).toMatchObject({ kind: 'started' });
    const gate = await untilGate(ground);
    expect(gate).toMatchObject({ kind: 'approval', hop: 'hop-1.29', noWayBack: true });
    expect((await capi.controlPlane.object()).spec.version).toBe('v1.28.15');
  });

  tell('is replaced machine by machine, and what keeps it is told', async () => {
    capi.controlPlane.stuckBy = 'waiting for prod-cp-4 to join etcd';
    await approve('hop-1.29');
    await until('its own words are told', async () => {
      const { rollout } = await ground.client.progress(cluster);
      return rollout?.phase.includes(`${object} says: Resized: waiting for prod-cp-4`)
        ? rollout
        : undefined;
    });
    const { status } = await ground.client.progress(cluster);
    expect(status.noWayBack).toMatchObject([{ hop: 'hop-1.29', reason: 'machines-replaced' }]);
    capi.controlPlane.stuckBy = undefined;
    await until('the next hop waits for a person', async () => {
      const { gates } = await ground.client.status(cluster);
      return gates.find(({ hop }) => hop === 'hop-1.30');
    });
    expect(await members()).toEqual([
      'prod-cp-4 127.0.0.14 1.29.15',
      'prod-cp-5 127.0.0.15 1.29.15',
      'prod-cp-6 127.0.0.16 1.29.15',
    ]);
  });

  tell('takes the next hop with members that it has never been told of', async () => {
    await approve('hop-1.30');
    const result = await untilEnded(ground);
    expect(result).toMatchObject({ outcome: 'completed', to: '1.30.14' });
    expect(await members()).toEqual([
      'prod-cp-7 127.0.0.17 1.30.14',
      'prod-cp-8 127.0.0.18 1.30.14',
      'prod-cp-9 127.0.0.19 1.30.14',
    ]);
    const hops = result.outcome === 'completed' ? result.hops : [];
    expect(hops.map(({ snapshot }) => snapshot?.kubeVersion)).toEqual(['1.28.15', '1.29.15']);
    expect(hops.map((hop) => hop.members.map(({ member, after }) => `${member} ${after}`))).toEqual(
      [
        ['prod-cp-4 1.29.15', 'prod-cp-5 1.29.15', 'prod-cp-6 1.29.15'],
        ['prod-cp-7 1.30.14', 'prod-cp-8 1.30.14', 'prod-cp-9 1.30.14'],
      ],
    );
    const nodes = [...(await ground.kube.nodes())].map(
      ([name, { kubelet }]) => `${name} ${kubelet}`,
    );
    expect(nodes.filter((one) => one.startsWith('prod')).toSorted()).toEqual([
      'prod-cp-7 v1.30.14',
      'prod-cp-8 v1.30.14',
      'prod-cp-9 v1.30.14',
      'prod-md-0-5 v1.30.14',
      'prod-md-0-6 v1.30.14',
    ]);
    await ground.kube.allWorkloadsAvailable();
  });

  async function approve(hop: string): Promise<void> {
    const plan = await ground.client.plan(cluster);
    if (plan === undefined) throw new Error('there is no plan');
    const asked = { actor: 'bob', reason: 'the snapshot is enough', planDigest: plan.digest };
    await ground.client.approve(cluster, { ...asked, gate: `approve/${hop}` as never });
  }
});
