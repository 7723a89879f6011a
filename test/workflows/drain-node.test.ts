import { searchAttributes, undoSignal } from '../../workflows/messages';
import { aPool, nodeName } from '../support/builders';
import { onePodLeft } from '../support/drain-blockers';
import { terminal } from '../support/workflow-cluster';
import { drainRefusalIn, withNode } from '../support/workflow-node';
import { useWorkflowServer, workerModes } from '../support/workflow-server';

const server = useWorkflowServer();

const seconds = expect.any(Number) as number;
const inUpgrade = { cordon: { kind: 'ours', reason: 'ascent: hop-1.29, to 1.29.15' } } as const;
const drainCordon = 'ascent: drained by ada: new memory';

describe.each(workerModes)('drainNode, $mode', ({ workerOptions }) => {
  it('cordons with who asked and why, drains, and leaves the node cordoned', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      expect(await node.drain()).toEqual({ kind: 'draining', joined: false });
      expect(await node.end()).toEqual({
        outcome: 'drained',
        cordon: 'ours',
        evicted: 10,
        refusals: 0,
        seconds,
      });
      expect(node.cluster.cordonReason('worker-1')).toBe(drainCordon);
      expect(node.cluster.calls.map(({ input }) => input)).toEqual([
        {
          cluster: node.clusterName,
          node: 'worker-1',
          reason: drainCordon,
          over: ['drain', 'upgrade'],
        },
        { cluster: node.clusterName, node: 'worker-1', policy: aPool().drain },
      ]);
      const trail = (await node.audit()).map(({ actor, event, text }) => [actor, event, text]);
      expect(trail).toEqual([
        ['ada', 'command.drain', 'ada asked to drain worker-1 (new memory)'],
        ['ascent', 'drain.drained', expect.stringMatching(/^node worker-1 is drained/) as string],
      ]);
      const { typedSearchAttributes } = await node.handle.describe();
      expect(typedSearchAttributes.get(searchAttributes.cluster)).toBe(node.clusterName);
      expect(typedSearchAttributes.get(searchAttributes.phase)).toBe('ended');
      expect(await node.status()).toMatchObject({ phase: 'ended', by: 'ada', node: 'worker-1' });
      await node.record('node-drained');
    });
  });

  it('ends at its deadline with what blocks, and forces nothing', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      const failure = terminal('drain-deadline', 'node worker-1 was not empty', onePodLeft);
      node.cluster.fail('drainNode', 'worker-1', failure);
      await node.drain();
      expect(await node.end()).toEqual({
        outcome: 'not-drained',
        failure: {
          code: 'drain-deadline',
          message: 'node worker-1 was not empty',
          remedy: 'remove what its blockers name and drain the node again, or uncordon it',
        },
        blockers: onePodLeft.progress.blockers,
        evicted: 3,
        refusals: 40,
        seconds,
      });
      expect(node.cluster.cordonReason('worker-1')).toBe(drainCordon);
    });
  });

  it('is stopped and uncordoned by an undo; the evicted pods stay evicted', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      const hold = node.cluster.hold('drainNode', 'worker-1');
      await node.drain();
      await hold.reached;
      const accepted = await node.undo();
      expect(accepted).toEqual({
        requestId: 'undo-1',
        effect: 'the drain of node worker-1 is stopped, then the node is uncordoned',
      });
      expect(await node.end()).toEqual({
        outcome: 'undone',
        by: 'bob',
        reason: 'not today',
        uncordon: 'removed',
        cordon: drainCordon,
        evicted: 2,
        refusals: 1,
        seconds,
      });
      expect(node.cluster.cordonReason('worker-1')).toBeUndefined();
      const events = (await node.audit()).map(({ actor, event }) => `${event} ${actor}`);
      expect(events).toEqual(['command.drain ada', 'command.undo bob', 'drain.undone ascent']);
      const history = await node.handle.fetchHistory();
      // docs/limits.md says so.
      expect(history.events?.length).toBeLessThanOrEqual(40);
      await node.record('drain-undone');
    });
  });

  it('takes an undo as a signal, too, and lets what is none pass', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      const hold = node.cluster.hold('drainNode', 'worker-1');
      await node.drain();
      await hold.reached;
      await node.handle.signal(undoSignal, undefined as never);
      const [, refused] = await node.untilNoted(2);
      expect(refused).toMatchObject({ actor: 'unknown', event: 'command.refused' });
      await node.handle.signal(undoSignal, node.undoRequest());
      expect(await node.end()).toMatchObject({ outcome: 'undone', by: 'bob' });
    });
  });

  it('is undone when its workflow is cancelled; a cordon of somebody else stays', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      node.cluster.changeNode('worker-1', { cordon: { kind: 'foreign' } });
      const hold = node.cluster.hold('drainNode', 'worker-1');
      await node.drain();
      await hold.reached;
      await node.handle.cancel();
      expect(await node.end()).toEqual({
        outcome: 'undone',
        by: 'temporal',
        reason: 'its workflow was cancelled through Temporal',
        uncordon: 'left-foreign',
        evicted: 2,
        refusals: 1,
        seconds,
      });
      expect(node.cluster.versions()).toContain('worker-1 1.28.15 cordoned');
    });
  });

  it('is joined by who asks again, refused to who asks for another policy', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      const hold = node.cluster.hold('drainNode', 'worker-1');
      await node.drain();
      await hold.reached;
      const joined = { kind: 'draining', joined: true };
      expect(await node.drain({ requestId: 'drain-2', actor: 'bob' })).toEqual(joined);
      const policy = { ...aPool().drain, timeoutMs: 1_000, gracePeriodSeconds: 5 };
      const other = { requestId: 'drain-3', policy };
      expect(await drainRefusalIn(node.drain(other))).toEqual({
        code: 'drain-conflict',
        differences: ['gracePeriodSeconds', 'timeoutMs'],
      });
      const any = { requestId: 'drain-4', policy, joins: 'any' } as const;
      expect(await node.drain(any)).toEqual(joined);
      hold.release();
      expect(await node.end()).toMatchObject({ outcome: 'drained' });
      expect((await node.audit()).map(({ requestId }) => requestId)).toEqual([
        'drain-1',
        'drain-2',
        'drain-4',
        undefined,
      ]);
      expect(node.cluster.done('drainNode')).toEqual(['worker-1']);
    });
  });

  it('refuses a node that does not exist, and requests that are none', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      const gone = nodeName('gone');
      const refusal = { code: 'node-missing', node: 'gone' };
      expect(await node.drain({}, gone)).toEqual({ kind: 'refused', refusal });
      expect(await node.end(gone)).toEqual({ outcome: 'refused', refusal });
      const hold = node.cluster.hold('drainNode', 'worker-1');
      await node.drain();
      const broken = { requestId: 'drain-2', actor: '', policy: undefined as never };
      expect(await drainRefusalIn(node.drain(broken))).toEqual({
        code: 'request-malformed',
        problems: ['actor must not be empty', 'policy must be an object'],
      });
      hold.release();
      await node.end();
    });
  });

  it('leaves a node to the upgrade that runs, and takes over what a past one left', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      node.cluster.changeNode('worker-1', inUpgrade);
      expect(await node.drain({ upgradeRuns: true })).toEqual({
        kind: 'refused',
        refusal: {
          code: 'node-in-upgrade',
          node: 'worker-1',
          cluster: node.clusterName,
          cordon: inUpgrade.cordon.reason,
        },
      });
      await node.end();
      expect(node.cluster.done('drainNode')).toEqual([]);
      await node.drain({ requestId: 'drain-2' });
      expect(await node.end()).toMatchObject({ outcome: 'drained' });
      expect(node.cluster.cordonReason('worker-1')).toBe(drainCordon);
    });
  });

  it('says that no worker serves the cluster', async () => {
    const options = { workerOptions, hasActivityWorker: false, workerTimeoutMs: 1_000 };
    await withNode(server(), options, async (node) => {
      expect(await node.drain()).toEqual({
        kind: 'refused',
        refusal: {
          code: 'worker-missing',
          taskQueue: `cluster/${node.clusterName}`,
          waitedSeconds: 1,
        },
      });
    });
  });

  it('says what keeps the node from being cordoned', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      const failure = terminal('credentials-refused', 'cordoning node worker-1: forbidden');
      node.cluster.fail('cordonNode', 'worker-1', failure);
      expect(await node.drain()).toMatchObject({
        kind: 'refused',
        refusal: { code: 'cordon-failed', failure: { code: 'credentials-refused' } },
      });
    });
  });
});

describe.each(workerModes)('uncordonNode, $mode', ({ workerOptions }) => {
  it('undoes what a drain left', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      await node.drain();
      await node.end();
      await node.undo();
      expect(await node.end()).toEqual({
        outcome: 'undone',
        by: 'bob',
        reason: 'not today',
        uncordon: 'removed',
        cordon: drainCordon,
        evicted: 0,
        refusals: 0,
        seconds,
      });
      expect(node.cluster.versions()).toContain('worker-1 1.28.15');
      await node.record('node-uncordoned');
    });
  });

  it('undoes nothing but what is ours, and no cordon of an upgrade that runs', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      const uncordoned = async (upgradeRuns: boolean) => {
        await node.undo({ upgradeRuns, requestId: `undo-${String(upgradeRuns)}` });
        const end = await node.end();
        return end.outcome === 'undone' ? end.uncordon : end;
      };
      expect(await uncordoned(false)).toBe('not-cordoned');
      node.cluster.changeNode('worker-1', { cordon: { kind: 'foreign' } });
      expect(await uncordoned(false)).toBe('left-foreign');
      node.cluster.changeNode('worker-1', inUpgrade);
      expect(await uncordoned(true)).toBe('left-ours');
      expect(await uncordoned(false)).toBe('removed');
      node.cluster.removeNode('worker-1');
      expect(await uncordoned(false)).toBe('node-missing');
    });
  });

  it('refuses a drain while it is under way, and tells what it could not do', async () => {
    await withNode(server(), { workerOptions }, async (node) => {
      const hold = node.cluster.hold('uncordonNode', 'worker-1');
      await node.undo();
      await hold.reached;
      expect(await drainRefusalIn(node.drain())).toEqual({ code: 'being-undone', by: 'bob' });
      expect(await node.undo({ requestId: 'undo-2' })).toEqual({
        requestId: 'undo-2',
        effect: 'node worker-1 is being uncordoned already',
      });
      hold.release();
      expect(await node.end()).toMatchObject({ outcome: 'undone', uncordon: 'not-cordoned' });
      const failure = terminal('credentials-refused', 'uncordoning node worker-1: forbidden');
      node.cluster.fail('uncordonNode', 'worker-1', failure);
      await node.undo({ requestId: 'undo-3' });
      expect(await node.end()).toMatchObject({
        outcome: 'not-undone',
        by: 'bob',
        failure: { code: 'credentials-refused', message: failure.message },
      });
    });
  });
});
