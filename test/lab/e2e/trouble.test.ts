// What goes wrong on real processes, on one member and three nodes: nobody serves the cluster, the
// credentials are wrong, the API or etcd is out of reach, the workflow is cancelled in mid-drain, a
// budget allows nothing until the drain's deadline. Each is said with a reason, and loses nothing.

import type { StartResult } from '../../../client';
import type { OtherAccess } from '../../support/lab-access';
import {
  etcdLessAccess,
  impostorsAccess,
  strangersAccess,
  unreachableAccess,
} from '../../support/lab-access';
import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilGate, untilOnePodLeft } from '../../support/lab-progress';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';

jest.setTimeout(600_000);

const pinned = 'pinned';
const heldNode = 'worker-02';

describe('what goes wrong is said and loses nothing', () => {
  const patient = labSpec({ cluster: 'trouble', target: '1.29.15', allowSingleMember: true });
  const asked = { actor: 'ada', reason: 'trying' };
  let ground: LabGround;
  let unserved: Promise<StartResult>;
  let unreachable: Promise<StartResult>;
  let unknown: Promise<StartResult>;

  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: patient.cluster, members: 1, nodes: 3, pods: 0 });
    // While the lab comes up there is no worker at all.
    unserved = ground.client.start(patient, { actor: 'ada' });
    await ground.bringUpLab();
  });

  afterAll(async () => {
    await ground?.close();
  });

  const startWith = async ({ cluster, accessFile }: OtherAccess) => {
    const worker = await ground.startWorker({ cluster, accessFile });
    const spec = { ...patient, cluster: cluster as typeof patient.cluster };
    return { worker, started: ground.client.start(spec, { actor: 'ada' }) };
  };

  /** Starts with wrong access, and ends the worker when the answer is there. */
  const startOnceWith = async (access: OtherAccess): Promise<StartResult> => {
    const { worker, started } = await startWith(access);
    const answer = await started;
    await worker.stop();
    return answer;
  };

  tell('a start that no worker takes is refused within 30 s, and leaves nothing', async () => {
    const started = await unserved;

    expect(started).toEqual({
      kind: 'refused',
      refusal: { code: 'worker-missing', taskQueue: 'ascent', waitedSeconds: expect.any(Number) },
    });
    if (started.kind !== 'refused' || started.refusal.code !== 'worker-missing') throw new Error();
    expect(started.refusal.waitedSeconds).toBeLessThanOrEqual(30);
    await expect(ground.client.status(ground.cluster)).rejects.toMatchObject({
      code: 'upgrade-not-found',
    });
  });

  tell('credentials that the cluster does not trust are refused', async () => {
    const started = await startOnceWith(await strangersAccess(ground));

    expect(started).toMatchObject({
      kind: 'refused',
      refusal: {
        code: 'planning-failed',
        failure: { code: 'credentials-refused', message: expect.stringContaining('401') },
      },
    });
  });

  tell('an API server whose certificate is not trusted is refused', async () => {
    const started = await startOnceWith(await impostorsAccess(ground));

    expect(started).toMatchObject({
      kind: 'refused',
      refusal: {
        code: 'planning-failed',
        failure: { code: 'credentials-refused', message: expect.stringContaining('certificate') },
      },
    });
  });

  tell('etcd out of reach stops at the preflight, and a rejection ends the upgrade', async () => {
    // Both wait for their own limits meanwhile.
    ({ started: unreachable } = await startWith(await unreachableAccess(ground)));
    unknown = ground.client.start(
      { ...patient, cluster: 'nobody' as typeof patient.cluster },
      { actor: 'ada' },
    );
    const { client } = ground;
    const { cluster, accessFile } = await etcdLessAccess(ground);
    const { worker, started } = await startWith({ cluster, accessFile });
    const answer = await started;
    if (answer.kind === 'refused') throw new Error(JSON.stringify(answer.refusal));
    const gate = await untilGate(ground, cluster);

    expect(gate).toMatchObject({
      id: 'hop-1.29/preflight',
      failure: { code: 'preflight-blocked' },
    });
    if (gate.kind !== 'step') throw new Error(`gate ${gate.id}`);
    const codes = gate.findings.map(({ code }) => code);
    expect(codes.some((code) => code.startsWith('etcd-'))).toBe(true);
    const planDigest = answer.plan.digest;
    await client.reject(cluster, { ...asked, gate: 'hop-1.29/preflight', planDigest });
    expect(await client.result(cluster)).toMatchObject({
      outcome: 'rejected',
      at: '1.28.15',
      by: 'ada',
    });
    await worker.stop();
  });

  tell('an upgrade that is cancelled in mid-drain leaves every node serving', async () => {
    const { client, cluster, kube } = ground;
    await ground.startWorker();
    await kube.spread('web', 6);
    await kube.pinPair(pinned, heldNode);
    const started = await client.start(patient, { actor: 'ada' });
    expect(started.kind).toBe('started');
    await untilOnePodLeft(ground, heldNode);
    expect(await kube.node(heldNode)).toMatchObject({ isCordoned: true });

    await ground.temporal.workflow.getHandle(`upgrade/${cluster}`).cancel();
    const result = await client.result(cluster);

    expect(result).toMatchObject({ outcome: 'cancelled', at: '1.29.15', by: 'temporal' });
    const nodes = await kube.nodes();
    const serving = { isReady: true, isCordoned: false, cordonReason: undefined };
    expect(Object.fromEntries(nodes)).toEqual({
      'worker-01': { kubelet: 'v1.29.15', ...serving },
      'worker-02': { kubelet: 'v1.28.15', ...serving },
      'worker-03': { kubelet: 'v1.28.15', ...serving },
    });
    await kube.allWorkloadsAvailable();
  });

  tell('a drain that a budget stops is held at its deadline, with the budget named', async () => {
    const { client, cluster, kube } = ground;
    const hasty = labSpec({
      cluster,
      target: '1.29.15',
      allowSingleMember: true,
      drainTimeoutMs: 15_000,
    });
    const started = await client.start(hasty, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
    // The rest of what was cancelled: the control plane and one node are there already.
    expect(started.plan.hops).toMatchObject([{ id: 'hop-1.29', from: '1.29.15', to: '1.29.15' }]);
    const gate = await untilGate(ground);
    const [pod, ...others] = await kube.movablePods(heldNode);
    expect(others).toEqual([]);

    expect(gate).toMatchObject({
      kind: 'node',
      id: `node/${heldNode}`,
      failure: { code: 'drain-deadline' },
      blockers: [
        {
          code: 'budget-exhausted',
          budget: { namespace: 'default', name: pinned },
          pod: { namespace: 'default', name: pod?.name.slice('default/'.length) },
          // The replacement of the first may run on no other node.
          explanation: {
            healthy: 1,
            wanted: 1,
            expected: 2,
            missing: 1,
            pods: [{ trouble: { code: 'unscheduled', reason: 'Unschedulable' } }],
          },
        },
      ],
    });
    expect(await client.blockers(cluster)).toEqual(gate.kind === 'node' ? gate.blockers : []);
    const { pool, status } = await client.progress(cluster);
    expect(status).toMatchObject({ phase: 'needs-operator' });
    expect(pool).toMatchObject({ total: 2, pending: 1, done: [] });
    expect(await kube.node(heldNode)).toEqual({
      kubelet: 'v1.28.15',
      isReady: true,
      isCordoned: true,
      cordonReason: 'ascent: hop-1.29, to 1.29.15',
    });
    expect(await kube.node('worker-03')).toMatchObject({ isCordoned: false });
  });

  tell('it completes when the node is tried again with the budget out of the way', async () => {
    const { client, cluster, kube } = ground;
    await expect(client.retryNode(cluster, { ...asked, node: 'worker-03' })).rejects.toMatchObject({
      refusal: { code: 'node-not-waiting', node: 'worker-03', waiting: [heldNode] },
    });
    await kube.allowEvictions(pinned);

    await client.retryNode(cluster, { ...asked, node: heldNode });
    const result = await untilEnded(ground);

    expect(result).toMatchObject({ outcome: 'completed', to: '1.29.15' });
    await kube.allPodsReady();
    const serving = { kubelet: 'v1.29.15', isReady: true, isCordoned: false };
    expect(Object.fromEntries(await kube.nodes())).toMatchObject({
      'worker-01': serving,
      'worker-02': serving,
      'worker-03': serving,
    });
  });

  tell('a cluster that no worker serves is refused with its queue', async () => {
    expect(await unknown).toEqual({
      kind: 'refused',
      refusal: { code: 'worker-missing', taskQueue: 'cluster/nobody', waitedSeconds: 20 },
    });
  });

  tell('an API out of reach is refused with what was tried', async () => {
    expect(await unreachable).toMatchObject({
      kind: 'refused',
      refusal: {
        code: 'planning-failed',
        failure: { code: 'cluster-unreachable', message: expect.stringContaining('ECONNREFUSED') },
      },
    });
  });
});
