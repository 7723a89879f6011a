// What drains with `surge` on their ladder raised, as their workflows see it.

import { terminal } from '../support/workflow-cluster';
import { aPool, minor } from '../support/builders';
import { onePodLeft } from '../support/drain-blockers';
import { withNode } from '../support/workflow-node';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();

const raised = { kind: 'Deployment', namespace: 'shop', name: 'web' } as const;
const putBack = [{ raised, from: 1, to: 2, end: 'put-back' }] as const;
const isBack = 'Deployment shop/web is back from 2 to 1 replica';
const policy = { ...aPool().drain, ladder: ['surge', 'hold'] } as const;
const spec = { target: minor('1.29'), pools: [aPool({ drain: policy })] };
const deadline = () => terminal('drain-deadline', 'node worker-1 was not empty', onePodLeft);

describe.each(workerModes)('what a drain raised, $mode', ({ workerOptions }) => {
  it('is told in the trail of the upgrade when the drain has put it back', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      upgrade.cluster.surges.set('worker-1', putBack);
      await upgrade.start();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      const told = (await upgrade.audit()).filter(({ event }) => event.startsWith('surge'));
      expect(told.map(({ event, text, node }) => [event, text, node])).toEqual([
        ['surge.ended', isBack, 'worker-1'],
      ]);
      expect(upgrade.cluster.done('endSurges')).toEqual([]);
      await upgrade.record('surge-put-back');
    });
  });

  it('is put back after a drain that failed, or else before the next', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('drainNode', 'worker-1', deadline());
      cluster.fail('endSurges', 'worker-1', terminal('credentials-refused', 'no'));
      await upgrade.start();
      await upgrade.untilGate('node/worker-1');
      cluster.surges.set('worker-1', putBack);
      await upgrade.node('retry', 'worker-1');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      const calls = cluster.trace.filter(({ activity }) => activity === 'endSurges');
      expect(calls.map(({ is }) => is)).toEqual(['begun', 'failed', 'begun', 'done']);
      const told = (await upgrade.audit()).filter(({ event }) => event.startsWith('surge'));
      expect(told.map(({ text }) => text)).toEqual([
        'what the drain of worker-1 may have raised could not be put back: no; docs/operate.md' +
          ' says how to do it by hand',
        isBack,
        isBack,
      ]);
      await upgrade.record('surge-left');
    });
  });

  it('is put back when the upgrade is paused in the middle of the drain', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      const { cluster } = upgrade;
      const draining = cluster.hold('drainNode', 'worker-1');
      await upgrade.start();
      await draining.reached;
      await upgrade.pause({ actor: 'bob', reason: 'a look' });
      await upgrade.untilPhase('paused');
      expect(cluster.trace.at(-1)).toEqual({
        activity: 'endSurges',
        object: 'worker-1',
        is: 'done',
      });
      await upgrade.resume();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('is left alone without the rung', async () => {
    const plain = { target: minor('1.29') };
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: plain }, async (upgrade) => {
      upgrade.cluster.fail('drainNode', 'worker-1', deadline());
      await upgrade.start();
      await upgrade.untilGate('node/worker-1');
      await upgrade.node('retry', 'worker-1');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(upgrade.cluster.done('endSurges')).toEqual([]);
    });
  });

  it('is put back by a drain of its own that is undone, and told', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      node.cluster.surges.set('worker-1', putBack);
      const hold = node.cluster.hold('drainNode', 'worker-1');
      await node.drain({ policy });
      await hold.reached;
      await node.undo();
      expect(await node.end()).toMatchObject({ outcome: 'undone', by: 'bob' });
      const told = (await node.audit()).map(({ actor, event, text }) => [actor, event, text]);
      expect(told[2]).toEqual(['ascent', 'surge.ended', isBack]);
      expect(node.cluster.trace.slice(-2).map(({ activity }) => activity)).toEqual([
        'uncordonNode',
        'uncordonNode',
      ]);
      await node.record('drain-surge-undone');
    });
  });
});
