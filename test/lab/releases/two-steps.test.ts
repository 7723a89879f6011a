// Hops in two steps on real processes, three members under load: one is rolled back in its soak by
// the old programs alone, without a restore; then the cluster goes from 1.31 to 1.33.

import { readdir } from 'node:fs/promises';

import { labLayout } from '../../../lab/layout';
import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilProgress } from '../../support/lab-progress';
import { labSpec } from '../../support/lab-spec';
import { startsOf } from '../../support/lab-starts';
import { aStory } from '../../support/lab-story';
import { type LabWriter, startWriter } from '../../support/lab-writer';

jest.setTimeout(600_000);

const start = '1.31.4';
/** Of one path; a write takes about 30 ms. */
const fewestWrites = 300;
const names = ['cp-1', 'cp-2', 'cp-3'];
const asked = { actor: 'ada', reason: 'end to end' };

describe('a cluster of 1.31, hop by hop in two steps', () => {
  const cluster = 'two-steps';
  const back = labSpec({
    cluster,
    target: '1.32.5',
    emulation: [{ hop: '1.32', soakMs: 600_000 }],
  });
  const whole = labSpec({
    cluster,
    target: '1.33.13',
    emulation: ['1.32', '1.33'].map((hop) => ({ hop, soakMs: 2_000 })),
  });
  let ground: LabGround;
  let writer: LabWriter | undefined;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    const shape = { name: cluster, members: 3, nodes: 2, pods: 0 };
    ground = await LabGround.open({ ...shape, version: start });
    await ground.bringUpLab();
    await ground.startWorker();
  });

  beforeEach(async () => {
    writer = await startWriter(labLayout(ground.stateDir), ground.lab.apiUrl);
  });

  afterEach(() => {
    writer?.close();
  });

  afterAll(async () => {
    await ground?.close();
  });

  const starts = (component: string) =>
    Promise.all(names.map((name) => startsOf(ground.stateDir, `${name}-${component}`)));
  const ofAll = (...programs: readonly string[]) => names.map(() => programs);

  const written = async () => {
    const result = await writer?.stop();
    expect(result?.acknowledged.size).toBeGreaterThan(fewestWrites);
    return { unacknowledged: result?.unacknowledged, lost: await writer?.lost() };
  };

  tell('a hop is rolled back in its soak by the old programs', async () => {
    const { client } = ground;
    const started = await client.start(back, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
    expect(started.plan.hops[0]?.steps.map(({ kind }) => kind)).toEqual([
      'preflight',
      'snapshot',
      'api-server',
      'api-server',
      'api-server',
      'controllers',
      'soak',
      'end-emulation',
      'pool',
      'verify',
      'soak',
    ]);
    await untilProgress(ground, 'the hop soaks', ({ status }) =>
      status.phase === 'soaking' ? true : undefined,
    );
    expect(await starts('api-server')).toEqual(ofAll(start, '1.32.5 as 1.31'));
    expect(await starts('scheduler')).toEqual(ofAll(start, '1.32.5 as 1.31'));

    await client.rollBack(ground.cluster, { ...asked, hop: 'hop-1.32' });
    const result = await untilEnded(ground);

    expect(result).toMatchObject({
      outcome: 'rolled-back',
      at: start,
      hops: [{ hop: 'hop-1.32', outcome: 'rolled-back', keptData: true }],
    });
    expect(await written()).toEqual({ unacknowledged: [], lost: [] });
    for (const component of ['api-server', 'controller-manager', 'scheduler']) {
      expect(await starts(component)).toEqual(ofAll(start, '1.32.5 as 1.31', start));
    }
    expect(await starts('etcd')).toEqual(ofAll('3.5.21'));
    expect(await readdir(labLayout(ground.stateDir).restores)).toEqual([]);
  });

  tell('two hops in a row are done, each in two steps', async () => {
    const started = await ground.client.start(whole, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
    const result = await untilEnded(ground);

    expect(result).toMatchObject({ outcome: 'completed', from: start, to: '1.33.13' });
    expect(await written()).toEqual({ unacknowledged: [], lost: [] });
    const tried = [start, '1.32.5 as 1.31', start];
    const path = ['1.32.5 as 1.31', '1.32.5', '1.33.13 as 1.32', '1.33.13'];
    for (const component of ['api-server', 'controller-manager', 'scheduler']) {
      expect(await starts(component)).toEqual(ofAll(...tried, ...path));
    }
    const { members, nodes } = await ground.observe();
    expect(
      members.map(({ apiServer }) => (apiServer.kind === 'observed' ? apiServer : undefined)),
    ).toEqual(
      names.map(() => ({ kind: 'observed', version: '1.33.13', ready: true, failingChecks: [] })),
    );
    expect(nodes.map(({ kubeletVersion }) => kubeletVersion)).toEqual(['1.33.13', '1.33.13']);
  });
});
