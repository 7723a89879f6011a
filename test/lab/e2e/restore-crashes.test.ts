// A rollback during which everything that conducts it dies: at each phase of the restore Temporal
// is killed, and then the worker. On three real members; the lab holds the restore at each phase,
// because phases take milliseconds.

import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { WorkerProcess } from '../../../bin/demo/worker-process';
import type { HopId } from '../../../domain/names';
import { rollBackWorkflowId } from '../../../domain/workflow-ids';
import { labLayout } from '../../../lab/layout';
import {
  listJournals,
  type RestorePhase,
  restorePhases,
} from '../../../lab/supervisor/restore-journal';
import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilProgress } from '../../support/lab-progress';
import { scaleTo, sightOf, wholeAt } from '../../support/lab-sight';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';
import { untilTrue } from '../../support/lab-until';
import { type MemberInformer, startMemberInformer } from '../../support/member-informer';

jest.setTimeout(600_000);

const [before, target] = ['1.28.15', '1.29.15'];
const hop = 'hop-1.29' as HopId;
const phases = restorePhases.filter((phase) => phase !== 'done');

describe('a restore goes on, whatever dies at each of its phases', () => {
  const spec = labSpec({ cluster: 'struck', target, hopSoakMs: 600_000 });
  const asked = { actor: 'ada', reason: 'it does not look right', hop };
  let ground: LabGround;
  let worker: WorkerProcess;
  const informers: MemberInformer[] = [];
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: spec.cluster, members: 3, nodes: 2, pods: 0 });
    await ground.bringUpLab();
    worker = await ground.startWorker();
    await ground.kube.spread('web', 2);
    await ground.kube.writeConfigMap('kept');
  });

  afterAll(async () => {
    await Promise.all(informers.map((informer) => informer.stop()));
    await ground?.close();
  });

  const journals = () => listJournals(labLayout(ground.stateDir).restores);
  const rollback = () => ground.temporal.workflow.getHandle(rollBackWorkflowId(spec.cluster, hop));

  const untilHeld = (phase: RestorePhase): Promise<void> =>
    untilTrue(`the restore is held at ${phase}`, async () => {
      const [journal] = await journals();
      return journal?.phase === phase;
    });

  /** The restore is an attempt of this worker. */
  const untilTaken = ({ pid }: WorkerProcess): Promise<void> =>
    untilTrue(`worker ${pid} has the restore in hand`, async () => {
      const { raw } = await rollback().describe();
      return (raw.pendingActivities ?? []).some(
        ({ activityType, lastWorkerIdentity }) =>
          activityType?.name === 'restoreSnapshot' &&
          lastWorkerIdentity?.startsWith(`${pid}@`) === true,
      );
    });

  tell('of two people who roll back at once one does; the other is told so', async () => {
    const { client, cluster, kube, lab } = ground;
    const started = await client.start(spec, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
    await untilProgress(ground, 'the hop soaks', ({ status }) =>
      status.phase === 'soaking' ? true : undefined,
    );
    for (const { apiServer } of lab.access.members) {
      informers.push(await startMemberInformer(lab.kubeconfig, apiServer));
    }
    await kube.writeConfigMap('made-since');
    await kube.deleteConfigMap('kept');
    for (const phase of phases) {
      const strike = { kind: 'hold-restore', seconds: 600 } as const;
      await lab.control.fault({ kind: 'in-restore', phase, strike });
    }

    const answers = await Promise.allSettled([
      client.rollBack(cluster, { ...asked, requestId: 'of-ada' }),
      client.rollBack(cluster, { ...asked, actor: 'bob', requestId: 'of-bob' }),
    ]);

    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(answers.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: {
        code: 'command-refused',
        refusal: { code: 'rollback-unavailable', hop, why: 'already-rolling-back' },
      },
    });
    await untilHeld('stopping-control-plane');
  });

  tell('nobody cancels it in the middle, and the trail says so', async () => {
    const { client, cluster, temporal } = ground;
    await temporal.workflow.getHandle(`upgrade/${cluster}`).cancel();
    await rollback().cancel();

    await untilTrue('the trail has it', async () => {
      const audit = await client.audit(cluster);
      return audit.some(({ event }) => event === 'rollback.not-cancelled');
    });
    expect(await client.status(cluster)).toMatchObject({ phase: 'rolling-back', gates: [] });
    expect(await journals()).toMatchObject([{ state: 'running' }]);
  });

  for (const phase of phases) {
    tell(`Temporal and then the worker are killed at ${phase}; the next ones go on`, async () => {
      await untilHeld(phase);
      await untilTaken(worker);

      await ground.restartTemporal();
      await ground.killWorker(worker);
      worker = await ground.startWorker();
      await untilTaken(worker);

      expect(await journals()).toMatchObject([{ state: 'running', phase }]);
      await ground.lab.control.fault({ kind: 'hold-restore', seconds: 0.001 });
    });
  }

  tell('it ends as one restore that began once', async () => {
    const result = await untilEnded(ground);

    expect(result).toMatchObject({
      outcome: 'rolled-back',
      at: before,
      hop,
      hops: [{ outcome: 'rolled-back', account: { gaps: [] } }],
    });
    expect(await journals()).toMatchObject([{ state: 'done', version: before }]);
    const log = await readFile(
      path.join(labLayout(ground.stateDir).logs, 'supervisor.log'),
      'utf8',
    );
    const told = [...log.matchAll(/ restore \S+: ([a-z-]+)$/gm)].map(([, phase]) => phase);
    expect(told).toEqual(restorePhases);
  });

  tell('the cluster is the snapshot, on every member, for those who watched as well', async () => {
    const { kube } = ground;

    expect(await sightOf(ground)).toEqual(wholeAt(before, ground));
    await kube.writeConfigMap('after');
    await untilTrue('every informer sees the snapshot, and what came after it', async () =>
      informers.every((informer) => {
        const names = informer.names();
        return names.includes('kept') && names.includes('after') && !names.includes('made-since');
      }),
    );
    await scaleTo(ground, 'web', 3);
  });

  tell('a second upgrade completes', async () => {
    const again = { ...spec, hopSoakMs: 2_000 };
    const started = await ground.client.start(again, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));

    expect(await untilEnded(ground)).toMatchObject({ outcome: 'completed', to: target });
    expect(await sightOf(ground)).toEqual(wholeAt(target, ground));
  });
});
