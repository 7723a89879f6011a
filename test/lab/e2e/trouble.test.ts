// What goes wrong on real processes, on one member and three nodes: nobody serves the cluster, the
// credentials are wrong, a budget allows nothing until the drain's deadline, the workflow is
// cancelled. Each is said with a reason, and loses nothing.

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { parse } from 'yaml';

import type { ClusterAccess } from '../../../activities/access';
import type { WorkerProcess } from '../../../bin/demo/worker-process';
import type { Gate } from '../../../domain/control';
import { LabGround } from '../../support/lab-ground';
import { untilProgress } from '../../support/lab-progress';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';
import { until } from '../../support/lab-until';

jest.setTimeout(600_000);

const drainTimeoutMs = 8_000;
const pinned = 'pinned';

describe('what goes wrong is said and loses nothing', () => {
  const spec = labSpec({
    cluster: 'trouble',
    target: '1.29.15',
    allowSingleMember: true,
    drainTimeoutMs,
  });
  const asked = { actor: 'ada', reason: 'trying' };
  let ground: LabGround;
  let worker: WorkerProcess;
  let canary: string;

  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: spec.cluster, members: 1, nodes: 3, pods: 120 });
    await ground.bringUpLab();
  });

  afterAll(async () => {
    await ground?.close();
  });

  tell('a start that no worker serves is refused within 30 s, and nothing runs', async () => {
    const startedAt = performance.now();
    const started = await ground.client.start(spec, { actor: 'ada' });

    expect(started).toMatchObject({ kind: 'refused', refusal: { code: 'worker-missing' } });
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });

  tell('a worker without rights is refused by the cluster, and the start says so', async () => {
    // The certificate of etcd's client: of another authority than the API server trusts.
    const access = JSON.parse(await readFile(ground.lab.accessFile, 'utf8')) as ClusterAccess;
    const kubeconfig = parse(await readFile(access.kubeconfig, 'utf8')) as Record<string, unknown>;
    const wrong = path.join(ground.stateDir, 'wrong');
    kubeconfig['users'] = [
      {
        name: 'admin',
        user: { 'client-certificate': access.etcd.certificate, 'client-key': access.etcd.key },
      },
    ];
    await writeFile(`${wrong}-kubeconfig`, JSON.stringify(kubeconfig));
    await writeFile(
      `${wrong}.json`,
      JSON.stringify({ ...access, kubeconfig: `${wrong}-kubeconfig` }),
    );
    worker = await ground.startWorker({ accessFile: `${wrong}.json` });

    const started = await ground.client.start(spec, { actor: 'ada' });
    await worker.stop();

    expect(started).toMatchObject({
      kind: 'refused',
      refusal: { code: 'planning-failed', failure: { code: 'credentials-refused' } },
    });
  });

  tell('a drain that a budget stops is held at its deadline, with the budget named', async () => {
    worker = await ground.startWorker();
    const started = await ground.client.start(spec, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
    const pool = started.plan.hops[0]?.steps.find((step) => step.kind === 'pool');
    canary = pool?.nodes[0]?.name ?? '';
    await untilProgress(ground, 'preflight is over', ({ status }) =>
      status.rollBackTo === undefined ? undefined : true,
    );
    const pod = await ground.kube.pin(pinned, canary);
    await ground.kube.forbidEvictions(pinned);
    const gate = await until('the node is held', async (): Promise<Gate | undefined> => {
      const { gates } = await ground.client.status(ground.cluster);
      return gates[0];
    });

    expect(gate).toMatchObject({
      kind: 'node',
      id: `node/${canary}`,
      node: canary,
      failure: { code: 'drain-deadline' },
      blockers: [
        { code: 'budget-exhausted', budget: { namespace: expect.any(String), name: pinned } },
      ],
    });
    const { pool: run } = await ground.client.progress(ground.cluster);
    expect(run).toMatchObject({ total: 3, pending: 2, done: [] });
    expect(await ground.kube.movablePods(canary)).toMatchObject([{ uid: pod.uid }]);
    expect(await ground.kube.node(canary)).toMatchObject({
      kubelet: 'v1.28.15',
      isCordoned: true,
      cordonReason: 'ascent: hop-1.29, to 1.29.15',
    });
  });

  tell('the node is drained when it is tried again with the budget out of the way', async () => {
    await ground.kube.allowEvictions(pinned);
    await ground.client.retryNode(ground.cluster, { ...asked, node: canary });

    // Not untilProgress: the gate closes a moment after the answer.
    const outcome = await until('the held node is done', async () => {
      const { pool } = await ground.client.progress(ground.cluster);
      return pool?.done.find(({ node }) => node === canary);
    });

    expect(outcome).toMatchObject({ node: canary, outcome: 'upgraded', after: '1.29.15' });
  });

  tell('a cancelled upgrade leaves every node serving', async () => {
    const handle = ground.temporal.workflow.getHandle(`upgrade/${ground.cluster}`);
    await handle.cancel();
    const result = await ground.client.result(ground.cluster);

    expect(result).toMatchObject({ outcome: 'cancelled', at: '1.29.15' });
    await ground.kube.allPodsReady();
    const { nodes } = await ground.observe();
    expect(nodes.map(({ ready, cordon }) => ({ ready, cordon }))).toEqual(
      nodes.map(() => ({ ready: true, cordon: { kind: 'none' } })),
    );
    // Of two kinds, whichever the cancellation met: none is in between.
    for (const { kubeletVersion } of nodes) expect(kubeletVersion).toMatch(/^1\.(28|29)\.15$/);
  });
});
