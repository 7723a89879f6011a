// Pods that no budget ever lets go, drained with the rung `surge` on a real cluster: Deployments,
// budgets, an autoscaler and their controllers are real, and so is a controller that fights back.

import type { DrainEnd, DrainLook } from '../../../client';
import type { DrainPolicy } from '../../../domain/spec';
import type { WorkerProcess } from '../../../bin/demo/worker-process';
import { LabGround } from '../../support/lab-ground';
import { aStory } from '../../support/lab-story';
import { until } from '../../support/lab-until';

jest.setTimeout(300_000);

const who = { actor: 'ada', reason: 'new memory' };

describe('a drain that raises what its budgets never let go', () => {
  let ground: LabGround;
  let worker: WorkerProcess;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: 'surges', members: 1, nodes: 3, pods: 0 });
    await ground.bringUpLab();
    worker = await ground.startWorker();
  });

  afterAll(async () => {
    await ground?.close();
  });

  async function begin(node: string, over: Partial<DrainPolicy> = {}): Promise<void> {
    const begun = await ground.client.drain(ground.cluster, node, {
      ...who,
      policy: {
        timeoutMs: 120_000,
        emptyDirData: 'delete',
        unmanagedPods: 'refuse',
        ladder: ['surge', 'hold'],
        surgeAfterMs: 1_000,
        ...over,
      },
    });
    expect(begun).toMatchObject({ kind: 'started' });
  }

  async function endOf(node: string): Promise<DrainEnd | undefined> {
    let last: DrainLook | undefined;
    for await (const look of ground.client.watchDrain(ground.cluster, node)) last = look;
    return last?.status.end;
  }

  async function surgesTold(node: string): Promise<readonly string[]> {
    const trail = await ground.client.audit(ground.cluster, node);
    return trail.flatMap(({ event, text }) => (event.startsWith('surge.') ? [text] : []));
  }

  async function blockersOf(node: string): Promise<DrainLook['blockers']> {
    const looks = ground.client.watchDrain(ground.cluster, node);
    const { value } = await looks.next();
    await looks.return(undefined);
    return (value as DrainLook).blockers;
  }

  tell('a Deployment of one pod leaves, and is as it was before', async () => {
    const { node } = await ground.kube.guard('solo');

    await begin(node);

    expect(await endOf(node)).toMatchObject({ outcome: 'drained', evicted: 1 });
    expect(await surgesTold(node)).toEqual(['Deployment default/solo is back from 2 to 1 replica']);
    expect(await ground.kube.deployment('solo')).toEqual({ replicas: 1, surge: undefined });
    await ground.client.uncordon(ground.cluster, node, who);
  });

  tell('so does one whose autoscaler decides', async () => {
    const { node } = await ground.kube.guard('scaled');
    await ground.kube.autoscale('scaled', { min: 1, max: 3 });

    await begin(node);

    expect(await endOf(node)).toMatchObject({ outcome: 'drained' });
    expect(await surgesTold(node)).toContain(
      'HorizontalPodAutoscaler default/scaled is back from 2 to 1 replica',
    );
    expect(await ground.kube.autoscaler('scaled')).toEqual({ replicas: 1, surge: undefined });
    await ground.client.uncordon(ground.cluster, node, who);
  });

  tell('a controller that takes the replica back is named, and not fought with', async () => {
    // Nothing can take its place elsewhere, so there is time.
    const { node, name } = await ground.kube.guard('fought', 'worker-02');
    await begin(node, { timeoutMs: 30_000 });
    await until('the replica is there', async () => {
      const { replicas, surge } = await ground.kube.deployment('fought');
      return replicas === 2 && surge !== undefined ? true : undefined;
    });

    await ground.kube.setReplicas('fought', 1, 'argocd-controller');

    const undone = await until('it is told', async () =>
      (await blockersOf(node)).find(({ code }) => code === 'surge-undone'),
    );
    expect(undone).toEqual({
      code: 'surge-undone',
      pod: { namespace: 'default', name: name.replace('default/', '') },
      raised: { kind: 'Deployment', namespace: 'default', name: 'fought' },
      from: 1,
      to: 2,
      found: 1,
      by: 'argocd-controller',
      sinceMs: expect.any(Number) as number,
    });
    expect(await endOf(node)).toMatchObject({ outcome: 'not-drained' });
    expect(await ground.kube.deployment('fought')).toEqual({ replicas: 1, surge: undefined });
    await ground.kube.allowEvictions('fought');
    await ground.client.uncordon(ground.cluster, node, who);
  });

  tell('when its worker is killed in the middle, the next one puts back', async () => {
    const { node } = await ground.kube.guard('orphan', 'worker-03');
    await begin(node, { timeoutMs: 600_000 });
    const raised = await until('the replica is there', async () => {
      const seen = await ground.kube.deployment('orphan');
      return seen.surge === undefined ? undefined : seen;
    });
    expect(raised.replicas).toBe(2);
    expect(JSON.parse(raised.surge ?? '')).toEqual({
      from: 1,
      to: 2,
      node,
      cluster: ground.cluster,
      at: expect.any(String) as string,
    });

    await ground.killWorker(worker);
    const undoing = ground.client.uncordon(ground.cluster, node, { ...who, timeoutMs: 120_000 });
    await ground.startWorker();

    // The next attempt does it when it begins before it hears of its end, else endSurges.
    expect(await undoing).toMatchObject({ kind: 'ended', end: { outcome: 'undone' } });
    expect(await ground.kube.deployment('orphan')).toEqual({ replicas: 1, surge: undefined });
  });
});
