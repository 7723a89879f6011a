// Images come to machines before anything of a hop is changed, where the driver brings them.

import { aPool, minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const drives = ['node', 'member', 'putBack', 'restore', 'images'] as const;
const changing = /cordon|drain|upgrade|takeSnapshot/i;

describe.each(workerModes)('images, $mode', ({ workerOptions }) => {
  const options = { workerOptions, nodes: 2, members: 3, changedAs: 'member', drives } as const;
  const oneHop = { ...options, spec: { target: minor('1.29') } };

  it('come to all machines of every hop, and the trail says how many were pulled', async () => {
    const spec = { approvals: 'none' } as const;
    await withUpgrade(server(), { ...options, spec }, async (upgrade) => {
      await upgrade.start();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed', to: '1.30.14' });
      const { cluster } = upgrade;
      const machines = 'cp-1 cp-2 cp-3 worker-1 worker-2';
      expect(cluster.done('pullImages')).toEqual([`1.29.15: ${machines}`, `1.30.14: ${machines}`]);
      const calls = cluster.calls.map(({ activity }) => activity);
      const first = calls.indexOf('pullImages');
      expect(calls.slice(0, first).filter((name) => changing.test(name))).toEqual(['planUpgrade']);
      const texts = (await upgrade.audit())
        .filter(({ event }) => event === 'images.present')
        .map(({ text }) => text);
      expect(texts).toEqual(
        ['1.29.15', '1.30.14'].map((to) => `images of ${to} are on 5 machines, 10 images pulled`),
      );
      await upgrade.record('images-pulled');
    });
  });

  it('that cannot be had hold the hop before anything is changed', async () => {
    await withUpgrade(server(), oneHop, async (upgrade) => {
      const { cluster } = upgrade;
      const why =
        'bringing images of 1.29.15 on machine worker-2 failed:' +
        ' registry.k8s.io/kube-proxy:v1.29.15 cannot be pulled: no such host';
      cluster.failAny('pullImages', terminal('image-unavailable', why));
      await upgrade.start();
      const { gate } = await upgrade.untilGate('hop-1.29/images');
      expect(gate).toMatchObject({ failure: { code: 'image-unavailable', message: why } });
      const began = cluster.trace.map(({ activity }) => activity);
      expect(began.filter((name) => changing.test(name))).toEqual(
        began.filter((name) => name === 'planUpgrade'),
      );
      await upgrade.approve('hop-1.29/images');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(cluster.done('pullImages')).toHaveLength(1);
      await upgrade.record('images-unavailable');
    });
  });

  it('are waited for no longer when the upgrade is cancelled', async () => {
    await withUpgrade(server(), oneHop, async (upgrade) => {
      const { cluster } = upgrade;
      const pulling = cluster.holdAny('pullImages');
      await upgrade.start();
      await pulling.reached;
      await upgrade.handle.cancel();
      expect(await upgrade.result()).toMatchObject({ outcome: 'cancelled', at: '1.28.15' });
      expect(cluster.trace.at(-1)).toMatchObject({ activity: 'pullImages', is: 'cancelled' });
      await upgrade.record('images-cancelled');
    });
  });

  it('are left alone by a driver that brings none any more', async () => {
    await withUpgrade(server(), oneHop, async (upgrade) => {
      upgrade.cluster.pullImages = () => ({ kind: 'left' });
      await upgrade.start();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(await upgrade.audit()).toContainEqual(
        expect.objectContaining({
          event: 'images.present',
          text:
            'images of 1.29.15 are left to whoever needs them:' + ' the driver no longer pulls any',
        }),
      );
    });
  });

  it('are no step of a plan where the driver brings none', async () => {
    const spec = { target: minor('1.29'), pools: [aPool()] };
    const others = drives.slice(0, 4);
    await withUpgrade(server(), { ...options, spec, drives: others }, async (upgrade) => {
      await upgrade.start();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(upgrade.cluster.done('pullImages')).toEqual([]);
    });
  });
});
