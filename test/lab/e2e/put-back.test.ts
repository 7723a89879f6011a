// A real API server that ends as soon as it is started in the new version: the member gets its old
// one again, and all of them serve. From there the hop is rolled back: by a person, by itself where
// the spec says so; and once the cause is gone, it succeeds.

import type { UpgradeSpec } from '../../../domain/spec';
import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilGate } from '../../support/lab-progress';
import { scaleTo, sightOf, wholeAt } from '../../support/lab-sight';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';

jest.setTimeout(300_000);

const before = '1.28.15';
const target = '1.29.15';
const limitMs = 30_000;

describe('a member that does not come back', () => {
  const plain = labSpec({ cluster: 'put-back', target });
  const spec: UpgradeSpec = {
    ...plain,
    controlPlane: { ...plain.controlPlane, memberTimeoutMs: limitMs },
  };
  let ground: LabGround;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: spec.cluster, members: 3, nodes: 2, pods: 0 });
    await ground.bringUpLab();
    await breakFor(600);
    await ground.startWorker();
    await ground.kube.spread('web', 2);
    await ground.kube.writeConfigMap('kept');
  });

  afterAll(async () => {
    await ground?.close();
  });

  /** The new API server of cp-2 does not start. */
  const breakFor = (seconds: number): Promise<void> =>
    ground.lab.control.fault({
      kind: 'broken-start',
      member: 'cp-2',
      component: 'api-server',
      version: target,
      seconds,
    });

  const start = async (asked: UpgradeSpec): Promise<void> => {
    const started = await ground.client.start(asked, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
  };

  const apiServers = async (): Promise<readonly string[]> => {
    const { members } = await ground.observe();
    return members.map(({ name, apiServer }) =>
      apiServer.kind === 'observed'
        ? `${name} ${apiServer.version}${apiServer.ready ? '' : ' not ready'}`
        : `${name} silent`,
    );
  };

  tell('is put back at once, and the path stops with the reason', async () => {
    await start(spec);
    const gate = await untilGate(ground);

    expect(gate).toMatchObject({
      kind: 'step',
      step: 'api-server cp-2',
      failure: {
        code: 'member-put-back',
        message: expect.stringMatching(
          /^kube-apiserver of cp-2 runs 1\.28\.15 again, it did not come up: .*ECONNREFUSED/,
        ),
      },
    });
    expect(await apiServers()).toEqual([`cp-1 ${target}`, `cp-2 ${before}`, `cp-3 ${before}`]);
    const { servingMembers } = await ground.lab.control.progress();
    expect([...servingMembers].toSorted()).toEqual(['cp-1', 'cp-2', 'cp-3']);
  });

  tell('the hop is rolled back from there by a person', async () => {
    const { client, cluster } = ground;
    await client.rollBack(cluster, { actor: 'ada', reason: 'it is late', hop: 'hop-1.29' });

    expect(await untilEnded(ground)).toMatchObject({ outcome: 'rolled-back', at: before });
    expect(await sightOf(ground)).toEqual(wholeAt(before, ground));
  });

  tell('where the spec says so, it goes back by itself', async () => {
    const { client, cluster, kube } = ground;
    await start({ ...spec, rollBack: 'automatic' });

    expect(await untilEnded(ground)).toMatchObject({
      outcome: 'rolled-back',
      at: before,
      hops: [{ hop: 'hop-1.29', outcome: 'rolled-back', account: { gaps: [] } }],
    });
    const audit = await client.audit(cluster);
    expect(audit.find(({ event }) => event === 'rollback.automatic')).toMatchObject({
      actor: 'ascent',
      text: expect.stringMatching(
        /^hop-1\.29 is rolled back by the policy of the spec: .* of cp-2 runs 1\.28\.15/,
      ) as string,
    });
    expect(await sightOf(ground)).toEqual(wholeAt(before, ground));
    expect(await kube.hasConfigMap('kept')).toBe(true);
    await scaleTo(ground, 'web', 3);
  });

  tell('once the cause is gone, the same upgrade completes', async () => {
    await breakFor(0.001);
    await start({ ...spec, rollBack: 'automatic' });

    expect(await untilEnded(ground)).toMatchObject({ outcome: 'completed', to: target });
    expect(await sightOf(ground)).toEqual(wholeAt(target, ground));
  });
});
