// Pods that a person has forced where a drain came to its deadline.

import type { DrainInput } from '../../domain/activity-contract';
import { minor } from '../support/builders';
import { onePodLeft } from '../support/drain-blockers';
import { type ScriptedCluster, terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { refusalIn, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29') };
const deadline = () => terminal('drain-deadline', 'node worker-2 was not empty', onePodLeft);
const forced = { namespace: 'web', name: 'web-0', uid: 'uid-web-0', by: 'delete' };

/** What each drain was told to force. */
function forces({ calls }: ScriptedCluster): readonly DrainInput['force'][] {
  const drains = calls.filter(({ activity }) => activity === 'drainNode');
  return drains.map(({ input }) => (input as DrainInput).force);
}

describe.each(workerModes)('a pod that keeps a node, $mode', ({ workerOptions }) => {
  it('is forced by the next drain, once a person has named it and said why', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('drainNode', 'worker-2', deadline());
      await upgrade.start();
      const { gate } = await upgrade.untilGate('node/worker-2');
      expect(gate).toMatchObject({ pods: onePodLeft.pods });
      expect(await refusalIn(upgrade.force('worker-2', ['web-0'], { reason: '' }))).toMatchObject({
        code: 'request-malformed',
      });
      expect(await refusalIn(upgrade.force('worker-2', ['web-9']))).toMatchObject({
        code: 'pods-not-forceable',
      });
      await upgrade.force('worker-2', ['web-0']);
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(forces(cluster)).toEqual([undefined, undefined, [forced]]);
      const told = (await upgrade.audit()).filter(({ event }) => event.includes('orce'));
      expect(told.map(({ actor, event, text }) => ({ actor, event, text }))).toEqual([
        {
          actor: 'ada',
          event: 'command.forcePods',
          text:
            'ada asked to force pods of node worker-2 (a test): node worker-2 is drained again,' +
            ' with web/web-0 (uid uid-web-0) deleted past what keeps it, with its own grace period',
        },
        {
          actor: 'ascent',
          event: 'pods.forced',
          text:
            'node worker-2: forced, as ada asked (a test): web/web-0 (uid uid-web-0) deleted past' +
            ' what keeps it, with its own grace period',
        },
      ]);
      await upgrade.record('pods-forced');
    });
  });

  it('is forced after a pause as well, but not by a retry that says nothing of it', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('drainNode', 'worker-2', deadline());
      const hold = cluster.hold('drainNode', 'worker-2');
      cluster.fail('drainNode', 'worker-2', deadline());
      await upgrade.start();
      await upgrade.untilGate('node/worker-2');
      await upgrade.force('worker-2', ['web-0']);
      await hold.reached;
      await upgrade.pause();
      await upgrade.untilPhase('paused');
      await upgrade.resume();
      await upgrade.untilGate('node/worker-2');
      await upgrade.node('retry', 'worker-2');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(forces(cluster)).toEqual([undefined, undefined, [forced], [forced], undefined]);
      const told = (await upgrade.audit()).filter(({ event }) => event === 'pods.forced');
      const nothing =
        'node worker-2: forced, as ada asked (a test): nothing was done; pods that were left' +
        ' alone: 1';
      expect(told.map(({ text }) => text)).toEqual([nothing, nothing]);
    });
  });
});
