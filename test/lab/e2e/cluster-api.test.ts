// A real cluster whose nodes are machines of Cluster API, on its real objects; its controllers are
// played. Two minors: the control plane by hand, the pool by Ascent, with the rights of the guide.

import { readAccessFile } from '../../../activities/adapters/access-file';
import { openCluster } from '../../../activities/adapters/open-cluster';
import { observeCluster } from '../../../activities/observe';
import type { PlanResult } from '../../../domain/plan/plan';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import { CapiGround } from '../../support/capi-ground';
import { LabGround } from '../../support/lab-ground';
import { untilEnded } from '../../support/lab-progress';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';
import { until } from '../../support/lab-until';

jest.setTimeout(300_000);

const cluster = 'capi';

function specTo(target: string) {
  const spec = labSpec({ cluster, target, allowSingleMember: true });
  return {
    ...spec,
    pools: spec.pools.map(({ orderLabel: _order, ...pool }) => pool),
  };
}

describe('a cluster of Cluster API', () => {
  let ground: LabGround;
  let capi: CapiGround;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: cluster, members: 1, nodes: 1, pods: 0 });
    await ground.bringUpLab();
    capi = await CapiGround.open(ground);
    await ground.kube.spread('web', 2);
    await capi.guard('web', 1);
    await ground.startWorker({ accessFile: capi.accessFile });
  });

  afterAll(async () => {
    await capi?.close();
    await ground?.close();
  });

  async function planned(target: string): Promise<PlanResult> {
    const read = await readAccessFile(capi.accessFile);
    if (read.kind === 'refused') throw new Error(read.problems.join('; '));
    const ports = openCluster(read.access);
    try {
      const spec = specTo(target);
      const signal = AbortSignal.timeout(60_000);
      const observation = await observeCluster({ cluster: spec.cluster, ports, signal });
      return planUpgrade({ spec, observation, releases: knownReleases });
    } finally {
      await ports.close();
    }
  }

  async function nodes(): Promise<readonly string[]> {
    const seen = [...(await ground.kube.nodes())].filter(([name]) => name !== 'worker-01');
    return seen.map(([name, { kubelet }]) => `${name} ${kubelet}`).toSorted();
  }

  tell('has no plan while its control plane is behind', async () => {
    expect(await planned('1.29.15')).toEqual({
      kind: 'blocked',
      blockers: ['apiServer', 'controllers', 'restore'].map((change) => ({
        code: 'change-undriven',
        hop: 'hop-1.29',
        change,
        driver: 'cluster-api',
      })),
    });
  });

  tell('gets machines of the next minor, one after the other, within its budget', async () => {
    await capi.changeControlPlane('1.29.15');
    expect(await ground.client.start(specTo('1.29.15'), { actor: 'ada' })).toMatchObject({
      kind: 'started',
    });
    const result = await untilEnded(ground);
    expect(result).toMatchObject({ outcome: 'completed', to: '1.29.15' });
    expect(await nodes()).toEqual(['prod-md-0-3 v1.29.15', 'prod-md-0-4 v1.29.15']);
    expect(await capi.held()).toEqual([false, undefined]);
    const outcomes = result.outcome === 'completed' ? (result.hops[0]?.nodes ?? []) : [];
    expect(
      outcomes.map(({ node, outcome, before, after }) => [node, outcome, before, after]),
    ).toEqual([
      ['prod-md-0-3', 'upgraded', '1.28.15', '1.29.15'],
      ['prod-md-0-4', 'upgraded', '1.28.15', '1.29.15'],
    ]);
    await ground.kube.allWorkloadsAvailable();
  });

  tell('has no plan while its Cluster is paused', async () => {
    await capi.changeControlPlane('1.30.14');
    await capi.pauseCluster(true);
    expect(await planned('1.30.14')).toEqual({
      kind: 'blocked',
      blockers: [
        {
          code: 'rollout-unusable',
          pool: 'workers',
          why: 'cluster-paused',
          deployment: 'prod-md-0',
        },
      ],
    });
    await capi.pauseCluster(false);
  });

  tell('waits for its budget, and is held in the middle by a pause', async () => {
    capi.controllers.isAway = true;
    expect(await ground.client.start(specTo('1.30.14'), { actor: 'ada' })).toMatchObject({
      kind: 'started',
    });
    await until('it waits for its controllers, which is told', async () => {
      const { rollout } = await ground.client.progress(cluster);
      const text = 'MachineDeployment prod-md-0 waits for its controller';
      return rollout?.phase.endsWith(text) === true ? rollout : undefined;
    });
    await capi.guard('web', 2);
    capi.controllers.isAway = false;
    await until('its own drain waits for a budget, which is told', async () => {
      const { rollout } = await ground.client.progress(cluster);
      return rollout?.phase.includes("violate the pod's disruption budget") ? rollout : undefined;
    });
    expect((await ground.kube.pods()).filter(({ isLeaving }) => isLeaving)).toEqual([]);
    await ground.client.pause(cluster, { actor: 'bob', reason: 'a look' });
    await until('nothing moves', async () => {
      const { status } = await ground.client.progress(cluster);
      return status.phase === 'paused' ? status : undefined;
    });
    expect(await capi.held()).toEqual([true, 'paused during hop-1.30']);
    await capi.guard('web', 1);
    await until('the machine on its way is gone', async () =>
      (await nodes()).length === 2 ? true : undefined,
    );
    expect((await nodes()).some((node) => node.endsWith('v1.29.15'))).toBe(true);

    await ground.client.resume(cluster, { actor: 'bob', reason: 'seen' });
    expect(await untilEnded(ground)).toMatchObject({ outcome: 'completed', to: '1.30.14' });
    expect(await nodes()).toEqual(['prod-md-0-5 v1.30.14', 'prod-md-0-6 v1.30.14']);
    expect(await capi.held()).toEqual([false, undefined]);
  });
});
