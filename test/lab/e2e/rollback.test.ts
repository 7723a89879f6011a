// The way back on real processes: a hop is rolled back while its pool is half done and one node is
// in the middle of its drain. Three members, so that every etcd member is restored; the lab plays
// the host, so kubelets stay newer until the rollback itself returns them (docs/adr/0003, 0006).

import type { Plan } from '../../../domain/plan/plan';
import type { UpgradeResult } from '../../../domain/status/progress';
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
import { until } from '../../support/lab-until';

jest.setTimeout(600_000);

const pinned = 'pinned';
/** The third of four in the plan's order. */
const heldNode = 'worker-02';

describe('the second hop is rolled back while its pool is half done', () => {
  const spec = labSpec({ cluster: 'way-back', approvals: 'between-hops', maxUnavailable: 1 });
  const asked = { actor: 'ada', reason: 'it does not look right' };
  let ground: LabGround;
  let plan: Plan;

  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: spec.cluster, members: 3, nodes: 4, pods: 80 });
    await ground.bringUpLab();
    await ground.startWorker();
  });

  afterAll(async () => {
    await ground?.close();
  });

  const expectRefused = async (hop: string, why: string): Promise<void> => {
    await expect(ground.client.rollBack(ground.cluster, { ...asked, hop })).rejects.toMatchObject({
      code: 'command-refused',
      refusal: { code: 'rollback-unavailable', hop, why },
    });
  };

  tell('without a snapshot, or before it begins, no hop is rolled back', async () => {
    const { client, kube } = ground;
    await kube.writeConfigMap('kept');
    await kube.writeVolume('disk-kept');
    await kube.pin(pinned, heldNode);
    await kube.forbidEvictions(pinned);
    const started = await client.start(spec, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
    ({ plan } = started);
    const gate = await untilGate(ground);

    expect(gate).toMatchObject({
      kind: 'step',
      id: 'hop-1.29/preflight',
      failure: { code: 'preflight-blocked' },
    });
    if (gate.kind !== 'step') throw new Error(`gate ${gate.id}`);
    expect(gate.findings.filter(({ severity }) => severity === 'blocks')).toMatchObject([
      {
        code: 'budget-never-satisfiable',
        object: { kind: 'budget', budget: { namespace: 'default', name: pinned } },
      },
    ]);
    await expectRefused('hop-1.29', 'no-snapshot-yet');
    await expectRefused('hop-1.30', 'not-begun');
  });

  tell('the hop goes on when the cause is gone and the step is approved', async () => {
    const { client, cluster, kube } = ground;
    await kube.allowEvictions(pinned);
    const approval = { ...asked, gate: 'hop-1.29/preflight', planDigest: plan.digest };

    expect((await client.approve(cluster, approval)).effect).toBe(
      'step preflight of hop-1.29 is tried again',
    );
    await until('the snapshot of hop-1.29 is verified', async () =>
      (await client.status(cluster)).rollBackTo?.hop === 'hop-1.29' ? true : undefined,
    );
  });

  tell('the first hop cannot be rolled back once the second has begun', async () => {
    const { client, cluster, kube } = ground;
    await untilProgress(ground, 'the second hop waits for an approval', ({ status }) =>
      status.phase === 'waiting-for-approval' ? true : undefined,
    );
    await kube.pinPair(pinned, heldNode);
    const approval = { ...asked, gate: 'approve/hop-1.30', planDigest: plan.digest };
    expect((await client.approve(cluster, approval)).effect).toBe('hop-1.30 begins');
    await untilSnapshot(ground, 'hop-1.30');

    await expectRefused('hop-1.29', 'next-hop-begun');
  });

  tell('two nodes run 1.30, the third is in mid-drain, the last has not begun', async () => {
    const { client, cluster, kube } = ground;
    await kube.writeConfigMap('made-since');
    await kube.deleteConfigMap('kept');
    await kube.writeVolume('disk-made-since');
    await kube.deleteVolume('disk-kept');
    const last = await untilOnePodLeft(ground, heldNode);
    expect(last.name).toContain(`default/${pinned}-`);

    const { pool } = await client.progress(cluster);
    expect(pool).toMatchObject({
      total: 4,
      pending: 1,
      done: [
        { node: 'worker-01', outcome: 'upgraded', after: '1.30.14' },
        { node: 'worker-04', outcome: 'upgraded', after: '1.30.14' },
      ],
    });
    expect(await kube.node(heldNode)).toMatchObject({ kubelet: 'v1.29.15', isCordoned: true });
  });

  tell('what it will undo is told, and confirmed as it was told', async () => {
    const { client, cluster, kube } = ground;
    const made = await client.previewRollBack(cluster);
    if (made.kind === 'failed') throw new Error(made.failure.message);
    const { digest, nodes, objects } = made.report;
    expect(nodes.map(({ node }) => node)).toEqual(['worker-01', 'worker-04']);
    expect(objects.cutShortBy).toBeUndefined();
    const configMaps = objects.groups.filter(({ resource }) => resource === 'configmaps');
    expect(configMaps).toEqual([
      {
        resource: 'configmaps',
        namespace: 'default',
        created: 1,
        changed: 0,
        deleted: 1,
        createdNames: ['made-since'],
        deletedNames: ['kept'],
      },
    ]);

    await kube.writeConfigMap('made-later');
    const confirmed = { ...asked, hop: 'hop-1.30', report: digest };
    await expect(client.confirmRollBack(cluster, confirmed)).rejects.toMatchObject({
      code: 'command-refused',
      refusal: {
        code: 'report-changed',
        differences: ['configmaps in default: 1 created, 1 deleted, now 2 created, 1 deleted'],
      },
    });
    await expect(
      client.confirmRollBack(cluster, { ...confirmed, report: '0123456789abcdef' }),
    ).rejects.toMatchObject({ refusal: { code: 'report-unknown' } });
    const { phase } = await client.status(cluster);
    expect(phase).toBe('upgrading');
  });

  tell('the rollback ends at 1.29, also when it is asked for twice', async () => {
    const { client, cluster } = ground;
    const request = { ...asked, hop: 'hop-1.30', requestId: 'way-back-1' };
    const made = await client.previewRollBack(cluster, { hop: 'hop-1.30' });
    if (made.kind === 'failed') throw new Error(made.failure.message);

    const report = made.report.digest.slice(0, 12);
    const answer = await client.confirmRollBack(cluster, { ...request, report });
    expect(await client.confirmRollBack(cluster, { ...request, report })).toEqual(answer);
    expect(await client.rollBack(cluster, request)).toEqual(answer);
    await expectRefused('hop-1.30', 'already-rolling-back');
    const result = await untilEnded(ground);

    expect(answer).toEqual({
      requestId: 'way-back-1',
      effect: 'hop-1.30 is rolled back: nodes, etcd and control plane return to 1.29.15',
    });
    expect(result).toMatchObject({
      outcome: 'rolled-back',
      at: '1.29.15',
      hop: 'hop-1.30',
      hops: [
        { hop: 'hop-1.29', outcome: 'completed' },
        {
          hop: 'hop-1.30',
          outcome: 'rolled-back',
          account: {
            orphans: [
              { code: 'volume-unknown', count: 1, objects: [{ name: 'disk-made-since' }] },
              { code: 'volume-returned', count: 1, objects: [{ name: 'disk-kept' }] },
            ],
            gaps: [],
          },
        },
      ],
    });
    // Nobody scales anything here: pods come and go, what owns them stays.
    const { hops } = result as Extract<UpgradeResult, { readonly outcome: 'rolled-back' }>;
    const totals = hops[1]?.account?.workloads?.totals ?? [];
    const owners = totals.filter(({ resource }) =>
      ['deployments', 'daemonsets'].includes(resource),
    );
    expect(owners.length).toBeGreaterThan(0);
    expect(owners.filter(({ snapshot, cluster: now }) => snapshot !== now)).toEqual([]);
    await expect(client.pause(cluster, asked)).rejects.toMatchObject({
      code: 'upgrade-ended',
      outcome: 'rolled-back',
    });
  });

  tell('etcd is as it was: what was made since is gone, what was deleted is back', async () => {
    const { kube } = ground;

    expect(await kube.hasConfigMap('made-since')).toBe(false);
    expect(await kube.hasConfigMap('kept')).toBe(true);
  });

  tell('every member and node runs 1.29, nothing is cordoned', async () => {
    const { members, nodes: seen, etcd } = await ground.observe();

    const component = { kind: 'observed', version: '1.29.15' };
    expect(members).toMatchObject(
      ['cp-1', 'cp-2', 'cp-3'].map((name) => ({
        name,
        apiServer: { ...component, ready: true },
        controllerManager: { ...component, healthy: true },
        scheduler: { ...component, healthy: true },
      })),
    );
    expect(seen).toMatchObject(
      ground.lab.nodes.map((name) => ({
        name,
        kubeletVersion: '1.29.15',
        ready: true,
        cordon: { kind: 'none' },
      })),
    );
    expect(etcd).toMatchObject({ kind: 'observed', memberCount: 3, hashesAgree: true });
    // The machines themselves, not what their Node objects say.
    const { nodes: machines } = await ground.lab.control.status();
    expect(machines.map(({ kubelet }) => kubelet)).toEqual(machines.map(() => '1.29.15'));
  });

  tell('every pod is Ready and every workload available', async () => {
    await ground.kube.allPodsReady();
    await ground.kube.allWorkloadsAvailable();
  });

  tell('the trail says who asked and why', async () => {
    const audit = await ground.client.audit(ground.cluster);
    const events = audit.map(({ event, actor }) => `${event} ${actor}`);

    expect(events).toContain('command.rollBack ada');
    expect(events.filter((event) => /^rollback\.(noted|counted) /.test(event))).toEqual([
      'rollback.noted ascent',
      'rollback.counted ascent',
    ]);
    expect(events.filter((event) => event.startsWith('gate.'))).toEqual([
      'gate.opened ascent',
      'gate.opened ascent',
    ]);
    expect(events.at(-1)).toBe('upgrade.rolled-back ascent');
  });
});
