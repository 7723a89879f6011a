// What happens to an upgrade of real nodes while it runs: a Job on its first node finishes its
// work, and a person lets more nodes go at once. One member; only the pool is left to upgrade.

import type { UpgradeSpec } from '../../../domain/spec';
import { start } from '../../bin/support/command';
import { LabGround } from '../../support/lab-ground';
import type { SeenPod } from '../../support/lab-kube';
import { untilEnded, untilOnePodLeft, untilProgress } from '../../support/lab-progress';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';
import { untilTrue } from '../../support/lab-until';

jest.setTimeout(300_000);

const [canary, held, third, fourth] = ['worker-01', 'worker-02', 'worker-03', 'worker-04'] as const;
const before = '1.28.15';
const target = '1.29.15';

describe('an upgrade goes on beside what happens on its nodes', () => {
  const plain = labSpec({ cluster: 'busy', target, allowSingleMember: true, maxUnavailable: 1 });
  const spec: UpgradeSpec = {
    ...plain,
    pools: plain.pools.map((pool) => ({
      ...pool,
      drain: { ...pool.drain, jobTimeoutMs: 10 * 60_000 },
    })),
  };
  let ground: LabGround;
  let job: SeenPod;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    const shape = { name: spec.cluster, members: 1, nodes: 4, zones: 1, pods: 0 };
    ground = await LabGround.open({ ...shape, version: target });
    await ground.bringUpLab();
    const { control, nodes } = ground.lab;
    await Promise.all(nodes.map((node) => control.changeKubelet(node, before)));
    await ground.kube.spread('web', 4);
    job = await ground.kube.work('export', canary);
    await ground.startWorker();
  });

  afterAll(async () => {
    await ground?.close();
  });

  tell('the drain waits for a Job, and says for which and until when', async () => {
    const started = await ground.client.start(spec, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
    expect(started.plan.hops).toMatchObject([{ id: 'hop-1.29', from: target, to: target }]);

    await untilOnePodLeft(ground, canary);
    const blockers = await untilProgress(
      ground,
      'the Job is waited for',
      ({ nodes }) =>
        nodes.find(({ node, blockers: some }) => node === canary && some.length > 0)?.blockers,
    );

    expect(blockers).toEqual([
      {
        code: 'job-running',
        pod: { namespace: 'default', name: job.name.slice('default/'.length) },
        job: 'export',
        sinceMs: expect.any(Number),
        untilMs: expect.any(Number),
      },
    ]);
    expect(await ground.kube.movablePods(canary)).toMatchObject([{ uid: job.uid, isReady: true }]);
  });

  tell('the Job succeeds in mid-drain, and the node is upgraded', async () => {
    await ground.kube.pinPair('pinned', held);

    await ground.kube.finishJob(job);
    const outcome = await untilProgress(ground, 'the canary is done', ({ pool }) =>
      pool?.done.find(({ node }) => node === canary),
    );

    expect(outcome).toMatchObject({ outcome: 'upgraded', before, after: target });
    await untilTrue('the Job has succeeded', async () => {
      const { succeeded, failed } = await ground.kube.job('export');
      return succeeded === 1 && failed === 0;
    });
  });

  tell('as long as one node may be away, the next ones wait for the one that is held', async () => {
    await untilOnePodLeft(ground, held);

    const { pool, nodes } = await ground.client.progress(ground.cluster);
    expect(nodes.map(({ node }) => node)).toEqual([held]);
    expect(pool).toMatchObject({ total: 4, pending: 2, done: [{ node: canary }] });
    expect(await ground.kube.node(third)).toMatchObject({ isCordoned: false });
  });

  tell('`ascent set` lets another node go beside it at once', async () => {
    const change = ['set', ground.cluster, 'pool/workers', '--max-unavailable', '2'];
    const where = ['--address', ground.address, '--actor', 'ada', '-r', 'quiet at night'];
    const command = start(ground.stateDir, [...change, ...where]);
    expect([await command.code, command.said()]).toEqual([
      0,
      expect.stringContaining('pool workers'),
    ]);

    const done = await untilProgress(ground, 'the others are done', ({ pool: run }) =>
      run?.done.length === 3 ? run.done : undefined,
    );

    expect(done).toMatchObject([
      { node: canary },
      { node: third, outcome: 'upgraded', after: target },
      { node: fourth, outcome: 'upgraded', after: target },
    ]);
    expect(await ground.kube.node(held)).toMatchObject({ kubelet: `v${before}`, isCordoned: true });
    const { limits } = await ground.client.status(ground.cluster);
    expect(limits).toMatchObject([{ pool: 'workers', planned: 1, maxUnavailable: 2, by: 'ada' }]);
    const audit = await ground.client.audit(ground.cluster);
    expect(audit.filter(({ event }) => event === 'command.setPool')).toMatchObject([
      { actor: 'ada', pool: 'workers' },
    ]);
  });

  tell('it completes when the budget is out of the way', async () => {
    await ground.kube.allowEvictions('pinned');

    expect(await untilEnded(ground)).toMatchObject({ outcome: 'completed', to: target });
    const serving = { kubelet: `v${target}`, isReady: true, isCordoned: false };
    expect([...(await ground.kube.nodes()).values()]).toMatchObject([
      serving,
      serving,
      serving,
      serving,
    ]);
  });
});
