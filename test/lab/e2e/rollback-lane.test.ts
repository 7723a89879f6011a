// A pool in the lane `fewest-drains` stays at 1.28 while the control plane goes to 1.29, and goes
// to 1.30 in the second hop; that one is rolled back in the middle of the pool. Nodes return over
// two minors, the control plane over one.

import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilOnePodLeft } from '../../support/lab-progress';
import { scaleTo, sightOf, wholeAt } from '../../support/lab-sight';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';

jest.setTimeout(600_000);

const [first, between, target] = ['1.28.15', '1.29.15', '1.30.14'];
const pinned = 'pinned';
const [moved, held] = ['worker-01', 'worker-02'];

describe('the hop in which a lagging pool moves is rolled back in its middle', () => {
  const everyHop = labSpec({ cluster: 'lane', target, allowSingleMember: true });
  const spec = {
    ...everyHop,
    pools: everyHop.pools.map((pool) => ({ ...pool, lane: 'fewest-drains' as const })),
  };
  const asked = { actor: 'ada', reason: 'it does not look right' };
  let ground: LabGround;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: spec.cluster, members: 1, nodes: 3, pods: 0 });
    await ground.bringUpLab();
    await ground.startWorker();
    await ground.kube.spread('web', 4);
    await ground.kube.pinPair(pinned, held);
    await ground.kube.writeConfigMap('kept');
  });

  afterAll(async () => {
    await ground?.close();
  });

  tell(
    'the first hop takes the control plane alone; one node has moved in the second',
    async () => {
      const { client, cluster, kube } = ground;
      const started = await client.start(spec, { actor: 'ada' });
      if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
      const pools = started.plan.hops.map(({ steps }) =>
        steps.filter(({ kind }) => kind === 'pool'),
      );
      expect(pools).toMatchObject([[], [{ pool: 'workers', lane: 'fewest-drains' }]]);

      await untilOnePodLeft(ground, held);
      await kube.writeConfigMap('made-since');
      await kube.deleteConfigMap('kept');

      const { pool } = await client.progress(cluster);
      expect(pool).toMatchObject({
        total: 3,
        pending: 1,
        done: [{ node: moved, outcome: 'upgraded', before: first, after: target }],
      });
    },
  );

  tell('it returns the node that moved to 1.28, and then the control plane to 1.29', async () => {
    const { client, cluster } = ground;
    const made = await client.previewRollBack(cluster);
    if (made.kind === 'failed') throw new Error(made.failure.message);
    expect(made.report).toMatchObject({ hop: 'hop-1.30', at: between, nodes: [{ node: moved }] });

    const { digest } = made.report;
    await client.confirmRollBack(cluster, { ...asked, hop: 'hop-1.30', report: digest });

    expect(await untilEnded(ground)).toMatchObject({
      outcome: 'rolled-back',
      at: between,
      hops: [
        { hop: 'hop-1.29', outcome: 'completed', nodes: [] },
        {
          hop: 'hop-1.30',
          outcome: 'rolled-back',
          nodes: [
            { node: moved, outcome: 'undone', before: first, after: first },
            { node: held, outcome: 'undone' },
          ],
          account: { gaps: [] },
        },
      ],
    });
    expect(await sightOf(ground)).toEqual(wholeAt(between, ground, first));
  });

  tell('the cluster is the snapshot of the second hop, and works', async () => {
    const { kube } = ground;

    expect(await kube.hasConfigMap('kept')).toBe(true);
    expect(await kube.hasConfigMap('made-since')).toBe(false);
    await scaleTo(ground, 'web', 5);
  });

  tell('a second upgrade completes from there', async () => {
    const { client, kube } = ground;
    await kube.allowEvictions(pinned);

    const started = await client.start(spec, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
    expect(started.plan.hops.map(({ id }) => id)).toEqual(['hop-1.30']);

    expect(await untilEnded(ground)).toMatchObject({ outcome: 'completed', to: target });
    expect(await sightOf(ground)).toEqual(wholeAt(target, ground));
  });
});
