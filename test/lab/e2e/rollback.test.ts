// The way back on real processes: a hop is rolled back while its pool is half done. Three members,
// so that every etcd member is restored; the lab plays the host, so kubelets stay newer until the
// rollback itself returns them (docs/adr/0003, 0006).

import type { UpgradeResult } from '../../../domain/progress';
import { LabGround } from '../../support/lab-ground';
import { untilProgress, untilSnapshot } from '../../support/lab-progress';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';

jest.setTimeout(600_000);

describe('the second hop is rolled back while its pool is half done', () => {
  const spec = labSpec({ cluster: 'way-back', approvals: 'none', maxUnavailable: 2 });
  const asked = { actor: 'ada', reason: 'it does not look right' };
  let ground: LabGround;
  let result: UpgradeResult;

  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: spec.cluster, members: 3, nodes: 6, pods: 120 });
    await ground.bringUpLab();
    await ground.startWorker();
  });

  afterAll(async () => {
    await ground?.close();
  });

  tell('a hop that has not begun cannot be rolled back', async () => {
    await ground.kube.writeConfigMap('kept');
    await ground.client.start(spec, { actor: 'ada' });

    await expect(
      ground.client.rollBack(ground.cluster, { ...asked, hop: 'hop-1.30' }),
    ).rejects.toMatchObject({
      code: 'command-refused',
      refusal: { code: 'rollback-unavailable', hop: 'hop-1.30', why: 'not-begun' },
    });
  });

  tell('the first hop cannot be rolled back once the second has begun', async () => {
    await untilSnapshot(ground, 'hop-1.30');

    await expect(
      ground.client.rollBack(ground.cluster, { ...asked, hop: 'hop-1.29' }),
    ).rejects.toMatchObject({
      code: 'command-refused',
      refusal: { code: 'rollback-unavailable', hop: 'hop-1.29', why: 'next-hop-begun' },
    });
  });

  tell('the rollback ends at 1.29 and is asked for once', async () => {
    await ground.kube.writeConfigMap('made-since');
    await ground.kube.deleteConfigMap('kept');
    await untilProgress(ground, 'some nodes are upgraded, others not', ({ status, pool }) =>
      status.hop?.id === 'hop-1.30' && (pool?.done.length ?? 0) >= 2 ? true : undefined,
    );

    const request = { ...asked, hop: 'hop-1.30', requestId: 'way-back-1' };
    const answer = await ground.client.rollBack(ground.cluster, request);
    expect(await ground.client.rollBack(ground.cluster, request)).toEqual(answer);
    result = await ground.client.result(ground.cluster);

    expect(result).toMatchObject({ outcome: 'rolled-back', at: '1.29.15', hop: 'hop-1.30' });
  });

  tell('etcd is as it was: what was made since is gone, what was deleted is back', async () => {
    const { kube } = ground;

    expect(await kube.hasConfigMap('made-since')).toBe(false);
    expect(await kube.hasConfigMap('kept')).toBe(true);
  });

  tell('every member and node runs 1.29, nothing is cordoned, every pod is Ready', async () => {
    await ground.kube.allPodsReady();
    const { members, nodes, etcd } = await ground.observe();

    const component = { kind: 'observed', version: '1.29.15' };
    expect(members).toMatchObject(
      ['cp-1', 'cp-2', 'cp-3'].map((name) => ({
        name,
        apiServer: { ...component, ready: true },
        controllerManager: { ...component, healthy: true },
        scheduler: { ...component, healthy: true },
      })),
    );
    expect(nodes).toMatchObject(
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

  tell('the trail says who asked and why, and of no gate that nobody opened', async () => {
    const audit = await ground.client.audit(ground.cluster);
    const events = audit.map(({ event, actor }) => `${event} ${actor}`);

    expect(events).toContain('command.rollBack ada');
    expect(events.filter((event) => event.startsWith('gate.'))).toEqual([]);
    expect(events.at(-1)).toBe('upgrade.rolled-back ascent');
  });
});
