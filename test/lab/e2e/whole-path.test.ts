// The main job on real processes, three members and nine nodes: 1.28 → 1.30 through 1.29, while the
// worker and Temporal are killed, people answer wrongly and change their minds, and an observer
// that shares no code with the engine watches requests and disruption budgets.

import type { Observer } from '../../../bin/demo/observer-process';
import { startObserver } from '../../../bin/demo/observer-process';
import type { WorkerProcess } from '../../../bin/demo/worker-process';
import type { Plan } from '../../../domain/plan/plan';
import type { NodeOutcome } from '../../../domain/status/progress';
import { stepLabel } from '../../../domain/status/step-labels';
import { identify, isAlive } from '../../../lab/process-identity';
import type { EvictionWatch } from '../../support/lab-eviction-watch';
import { watchEvictions } from '../../support/lab-eviction-watch';
import { LabGround } from '../../support/lab-ground';
import {
  untilEnded,
  untilGate,
  untilOnePodLeft,
  untilProgress,
  untilSnapshot,
} from '../../support/lab-progress';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';
import { untilTrue } from '../../support/lab-until';

jest.setTimeout(600_000);

/** Long enough for every retry of an eviction (at most 1.2 s apart) to come several times. */
const pausedWatchMs = 5_000;
const pinned = 'pinned';
/** The plan's first node. */
const canary = 'worker-01';
const staleDigest = 'f'.repeat(64);

describe('a cluster of three members goes from 1.28 to 1.30', () => {
  const spec = labSpec({ cluster: 'whole-path', approvals: 'between-hops', maxUnavailable: 3 });
  const asked = { actor: 'ada', reason: 'end to end' };
  let ground: LabGround;
  let observer: Observer | undefined;
  let evictions: EvictionWatch | undefined;
  let worker: WorkerProcess;
  let plan: Plan;
  let firstRunId: string;
  let uidsOnCanary: readonly string[];

  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: spec.cluster, members: 3, nodes: 9, pods: 120 });
    await ground.bringUpLab();
    worker = await ground.startWorker();
    evictions = await watchEvictions(ground.lab.kubeconfig);
    observer = await startObserver(ground.lab.kubeconfig);
    // After the observer has begun: it shall not judge a budget that is taken away.
    await ground.kube.pinPair(pinned, canary);
    uidsOnCanary = (await ground.kube.movablePods(canary)).map(({ uid }) => uid);
  });

  afterAll(async () => {
    observer?.kill();
    evictions?.stop();
    await ground?.close();
  });

  const evictedFrom = (node: string): readonly string[] =>
    (evictions?.evictions ?? []).filter((one) => one.node === node).map(({ uid }) => uid);

  tell('the start answers with the plan', async () => {
    const started = await ground.client.start(spec, { actor: 'ada', requestId: 'first' });

    expect(started).toMatchObject({ kind: 'started', workflowId: 'upgrade/whole-path' });
    if (started.kind === 'refused') throw new Error('refused');
    ({ plan, runId: firstRunId } = started);
    expect(plan.hops.map(({ id, from, to, approval }) => ({ id, from, to, approval }))).toEqual([
      { id: 'hop-1.29', from: '1.28.15', to: '1.29.15', approval: 'none' },
      { id: 'hop-1.30', from: '1.29.15', to: '1.30.14', approval: 'required' },
    ]);
    const steps = plan.hops.map((hop) => hop.steps.map(stepLabel));
    const members = ['api-server cp-1', 'api-server cp-2', 'api-server cp-3'];
    const wanted = ['preflight', 'snapshot', ...members, 'controllers', 'pool workers'];
    expect(steps).toEqual([
      [...wanted, 'verify', 'soak'],
      [...wanted, 'verify', 'soak'],
    ]);
  });

  tell('a second start of the same spec joins, of another one is refused', async () => {
    const again = await ground.client.start(spec, { actor: 'bob' });
    const other = await ground.client.start(
      { ...spec, target: '1.29.15' as typeof spec.target, hopSoakMs: 1 },
      { actor: 'bob' },
    );

    expect(again).toEqual({
      kind: 'already-running',
      plan,
      workflowId: 'upgrade/whole-path',
      runId: firstRunId,
    });
    expect(other).toEqual({
      kind: 'refused',
      refusal: { code: 'upgrade-conflict', differences: ['hopSoakMs', 'target'] },
    });
  });

  tell('answers to what nobody asked are refused with a reason', async () => {
    const { client, cluster } = ground;
    const gate = { ...asked, gate: 'approve/hop-1.30', planDigest: plan.digest };

    await expect(client.approve(cluster, gate)).rejects.toMatchObject({
      code: 'command-refused',
      refusal: { code: 'gate-unknown', gate: 'approve/hop-1.30', open: [] },
    });
    await expect(client.resume(cluster, asked)).rejects.toMatchObject({
      code: 'command-refused',
      refusal: { code: 'not-paused' },
    });
    await expect(client.retryNode(cluster, { ...asked, node: 'worker-01' })).rejects.toMatchObject({
      code: 'command-refused',
      refusal: { code: 'node-not-waiting', node: 'worker-01', waiting: [] },
    });
  });

  tell('a worker that is killed in mid-drain repeats no eviction', async () => {
    const { kube } = ground;
    const last = await untilOnePodLeft(ground, canary);
    await ground.killWorker(worker);
    expect([...evictedFrom(canary), last.uid].toSorted()).toEqual(uidsOnCanary.toSorted());
    worker = await ground.startWorker();
    const node = ground.temporal.workflow.getHandle(
      `upgrade/whole-path/hop-1.29/workers/${canary}`,
    );
    // Attempt 2 runs: the heartbeat of the dead worker has run out, and the new one drains.
    await untilTrue('the drain has a second attempt', async () => {
      const { raw } = await node.describe();
      return (
        raw.pendingActivities?.some(({ attempt, state }) => attempt === 2 && state === 2) ?? false
      );
    });
    await kube.allowEvictions(pinned);
    const outcome = await untilProgress(ground, 'the canary is done', ({ pool: run }) =>
      run?.done.find((done) => done.node === canary),
    );

    expect(evictedFrom(canary).toSorted()).toEqual(uidsOnCanary.toSorted());
    expect(outcome).toMatchObject({
      outcome: 'upgraded',
      before: '1.28.15',
      after: '1.29.15',
      evicted: uidsOnCanary.length,
    });
  });

  tell('Temporal is killed in the middle of the hop, and the hop goes on', async () => {
    const { pool } = await ground.client.progress(ground.cluster);
    expect(pool).toMatchObject({ pool: 'workers', total: 9 });
    expect(pool?.done.length).toBeLessThan(9);

    await ground.restartTemporal();
    await untilGate(ground);
    const { gates, hops } = await ground.client.status(ground.cluster);

    const identity = identify(worker.pid);
    expect(identity !== undefined && isAlive(identity)).toBe(true);
    expect(gates).toMatchObject([{ kind: 'approval', id: 'approve/hop-1.30', hop: 'hop-1.30' }]);
    expect(hops).toMatchObject([{ hop: 'hop-1.29', outcome: 'completed' }]);
  });

  tell('an approval with a stale digest is refused and changes nothing', async () => {
    const { client, cluster } = ground;
    const before = [await client.status(cluster), await client.audit(cluster)];

    const stale = { ...asked, gate: 'approve/hop-1.30', planDigest: staleDigest };
    await expect(client.approve(cluster, stale)).rejects.toMatchObject({
      code: 'command-refused',
      refusal: { code: 'digest-stale', given: staleDigest, current: plan.digest },
    });
    await expect(
      client.approve(cluster, { ...asked, gate: 'approve/hop-1.31', planDigest: plan.digest }),
    ).rejects.toMatchObject({
      refusal: { code: 'gate-unknown', gate: 'approve/hop-1.31', open: ['approve/hop-1.30'] },
    });

    expect([await client.status(cluster), await client.audit(cluster)]).toEqual(before);
    expect(before[0]).toMatchObject({
      phase: 'waiting-for-approval',
      rollBackTo: { hop: 'hop-1.29', at: '1.28.15' },
    });
  });

  tell('an approval of the plan begins the second hop, also when it is sent twice', async () => {
    const { client, cluster, kube } = ground;
    const approval = {
      ...asked,
      gate: 'approve/hop-1.30',
      planDigest: plan.digest,
      requestId: 'approval-1',
    };

    await kube.pinPair(pinned, canary);

    const answer = await client.approve(cluster, approval);

    expect(answer).toEqual({ requestId: 'approval-1', effect: 'hop-1.30 begins' });
    expect(await client.approve(cluster, approval)).toEqual(answer);
    await untilSnapshot(ground, 'hop-1.30');
  });

  tell('a pause in mid-drain stops evictions until it is resumed', async () => {
    const { client, cluster, kube } = ground;
    const pod = await untilOnePodLeft(ground, canary);

    await client.pause(cluster, { ...asked, reason: 'what is that?' });
    await untilProgress(ground, 'nothing moves', ({ status }) =>
      status.phase === 'paused' ? true : undefined,
    );
    await expect(client.pause(cluster, asked)).rejects.toMatchObject({
      refusal: { code: 'already-paused' },
    });
    const evicted = evictions?.evictions.length;
    // From here on an eviction would succeed: only the pause keeps the pod.
    await kube.allowEvictions(pinned);
    const isQuiet = untilTrue(
      'an eviction while paused',
      () => Promise.resolve(evictions?.evictions.length !== evicted),
      { timeoutMs: pausedWatchMs },
    );

    await expect(isQuiet).rejects.toThrow('not seen in 5 s: an eviction while paused');
    expect(await kube.movablePods(canary)).toMatchObject([{ uid: pod.uid, isLeaving: false }]);
    expect(await kube.node(canary)).toEqual({
      kubelet: 'v1.29.15',
      isReady: true,
      isCordoned: true,
      cordonReason: 'ascent: hop-1.30, to 1.30.14',
    });
    expect((await client.status(cluster)).paused).toMatchObject({
      by: 'ada',
      reason: 'what is that?',
    });

    await client.resume(cluster, asked);
    const outcome = await untilProgress(ground, 'the canary is done', ({ pool }) =>
      pool?.done.find((done) => done.node === canary),
    );

    expect(outcome.outcome).toBe('upgraded');
    expect(evictedFrom(canary)).toContain(pod.uid);
  });

  tell('the upgrade completes, and every eviction was counted once', async () => {
    const result = await untilEnded(ground);

    expect(result).toMatchObject({ outcome: 'completed', from: '1.28.15', to: '1.30.14' });
    if (result.outcome !== 'completed') throw new Error('not completed');
    expect(result.hops.map(({ hop, outcome }) => ({ hop, outcome }))).toEqual([
      { hop: 'hop-1.29', outcome: 'completed' },
      { hop: 'hop-1.30', outcome: 'completed' },
    ]);
    const told = result.hops.flatMap(({ nodes }) => nodes);
    const perNode = (count: (node: string) => number) =>
      Object.fromEntries(ground.lab.nodes.map((node) => [node, count(node)]));
    const sum = (node: string): number =>
      told
        .filter((one: NodeOutcome) => one.node === node)
        .reduce((all, one) => all + one.evicted, 0);
    expect(perNode(sum)).toEqual(perNode((node) => evictedFrom(node).length));
    expect(evictions?.unexplained).toEqual([]);
    expect(told.every(({ outcome }) => outcome === 'upgraded')).toBe(true);
  });

  tell('everything runs 1.30, nothing is cordoned, every pod is Ready', async () => {
    await ground.kube.allPodsReady();
    const { members, nodes, etcd } = await ground.observe();

    const apiServer = { kind: 'observed', version: '1.30.14', ready: true, failingChecks: [] };
    const controller = { kind: 'observed', version: '1.30.14', healthy: true };
    const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
    expect(
      members.map(({ certificates, ...member }) => ({
        ...member,
        shown: Object.keys(certificates ?? {}),
      })),
    ).toEqual(
      members.map(({ name, endpoint }) => ({
        name,
        endpoint,
        apiServer,
        controllerManager: controller,
        scheduler: controller,
        shown: components,
      })),
    );
    expect(members.map(({ name }) => name)).toEqual(['cp-1', 'cp-2', 'cp-3']);
    const good = { kubeletVersion: '1.30.14', ready: true, cordon: { kind: 'none' } };
    expect(
      nodes.map(({ name, kubeletVersion, ready, cordon }) => ({
        name,
        kubeletVersion,
        ready,
        cordon,
      })),
    ).toEqual(ground.lab.nodes.map((name) => ({ name, ...good })));
    expect(etcd).toMatchObject({ kind: 'observed', memberCount: 3, hashesAgree: true });
  });

  tell('no request failed and no disruption budget was violated', async () => {
    const report = await observer?.report();

    expect(report).toMatchObject({ failedRequests: 0, failures: [], violations: [] });
    expect(report?.requests).toBeGreaterThan(1_000);
    expect(report?.podEvents).toBeGreaterThan(500);
  });

  tell('a message after the end is told so', async () => {
    const { client, cluster } = ground;

    await expect(client.pause(cluster, asked)).rejects.toMatchObject({
      code: 'upgrade-ended',
      outcome: 'completed',
    });
    await expect(
      client.approve(cluster, { ...asked, gate: 'approve/hop-1.30', planDigest: plan.digest }),
    ).rejects.toMatchObject({ code: 'upgrade-ended', outcome: 'completed' });
  });
});
