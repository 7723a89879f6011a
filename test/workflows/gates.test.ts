import { minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { refusalIn, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29') };

describe.each(workerModes)('gates, $mode', ({ workerOptions }) => {
  it('refuse an answer to a gate that is not open, and name those that are', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.30');
      expect(await refusalIn(upgrade.approve('approve/hop-1.31'))).toEqual({
        code: 'gate-unknown',
        gate: 'approve/hop-1.31',
        open: ['approve/hop-1.30'],
      });
      const before = await upgrade.events();
      expect(await refusalIn(upgrade.reject('approve/hop-1.30', { actor: '' }))).toEqual({
        code: 'request-malformed',
        problems: ['actor must not be empty'],
      });
      expect(await upgrade.events()).toEqual(before);
    });
  });

  it('stay as they are when somebody sends what only the workflows say to each other', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      const draining = upgrade.cluster.hold('drainNode', 'worker-1');
      await upgrade.start();
      await draining.reached;
      const paths = ['hop-1.29', 'hop-1.29/workers', 'hop-1.29/workers/worker-1'];
      const names = ['report', 'control', 'nodeDecision', 'nodeReport', 'retryStep', 'poolPaused'];
      for (const workflow of [upgrade.handle, ...paths.map((path) => upgrade.child(path))]) {
        for (const name of names) {
          await workflow.signal(name);
          await workflow.signal(name, 'nonsense');
        }
      }
      draining.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(await upgrade.events()).toEqual([
        'upgrade.asked',
        'plan.made',
        'hop.begun',
        'snapshot.verified',
        'hop.completed',
        'upgrade.completed',
      ]);
    });
  });

  it('end the upgrade where it is when the approval is rejected', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.30');
      const answer = await upgrade.reject('approve/hop-1.30', { actor: 'bob', reason: 'freeze' });
      expect(answer.effect).toBe('the upgrade ends here; the cluster stays as it is');
      const result = await upgrade.result();
      expect(result).toMatchObject({
        outcome: 'rejected',
        at: '1.29.15',
        by: 'bob',
        reason: 'freeze',
        hops: [{ hop: 'hop-1.29', outcome: 'completed' }],
      });
      expect(upgrade.cluster.versions()).toEqual(['cp-1 1.29.15/1.29.15', 'worker-1 1.29.15']);
      await upgrade.record('rejected');
    });
  });

  it('hold a hop whose preflight is blocked, with the findings', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      const finding = {
        code: 'etcd-no-leader',
        severity: 'blocks',
        object: { kind: 'cluster' },
        message: 'etcd has no leader',
        remedy: 'bring a member back',
      } as const;
      upgrade.cluster.findings = [finding];
      await upgrade.start();
      const { gate, status } = await upgrade.untilGate('hop-1.29/preflight');
      expect(gate).toMatchObject({
        kind: 'step',
        hop: 'hop-1.29',
        step: 'preflight',
        failure: { code: 'preflight-blocked', message: '1 finding blocks hop-1.29' },
        findings: [finding],
      });
      expect(status.phase).toBe('needs-operator');
      expect(status.sentence).toContain('etcd has no leader');
      expect(upgrade.cluster.done('takeSnapshot')).toEqual([]);
      upgrade.cluster.findings = [];
      const answer = await upgrade.approve('hop-1.29/preflight');
      expect(answer.effect).toBe('step preflight of hop-1.29 is tried again');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed', to: '1.29.15' });
      await upgrade.record('blocked-preflight');
    });
  });

  it('hold a hop whose snapshot fails; rejected, nothing of the cluster has changed', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      // The suffix of the snapshot is known only when the workflow runs: fail the one before it.
      upgrade.cluster.failAny('takeSnapshot', terminal('snapshot-unverified', 'hashes differ'));
      await upgrade.start();
      const { gate } = await upgrade.untilGate('hop-1.29/snapshot');
      expect(gate).toMatchObject({
        failure: { code: 'snapshot-unverified', message: 'hashes differ' },
      });
      const rollBack = upgrade.rollBack('hop-1.29');
      expect(await refusalIn(rollBack)).toEqual({
        code: 'rollback-unavailable',
        hop: 'hop-1.29',
        why: 'no-snapshot-yet',
      });
      await upgrade.reject('hop-1.29/snapshot');
      expect(await upgrade.result()).toMatchObject({
        outcome: 'rejected',
        at: '1.28.15',
        hops: [{ hop: 'hop-1.29', outcome: 'stopped', members: [], nodes: [] }],
      });
      expect(upgrade.cluster.versions()).toEqual(['cp-1 1.28.15/1.28.15', 'worker-1 1.28.15']);
    });
  });

  it('hold a failed member, and try it again when approved', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      const failure = terminal('member-not-ready', 'cp-1 never became ready');
      upgrade.cluster.fail('upgradeControlPlaneMember', 'kube-apiserver cp-1', failure);
      upgrade.cluster.untouched.add('cp-1');
      await upgrade.start();
      const { status } = await upgrade.untilGate('hop-1.29/api-server cp-1');
      expect(status.lastFailure).toMatchObject({ code: 'member-not-ready' });
      await upgrade.approve('hop-1.29/api-server cp-1');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('open again when a soak finds the cluster broken, and the soak keeps its end', async () => {
    const spec = { ...oneHop, hopSoakMs: 3_600_000 };
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      upgrade.cluster.changeNode('worker-1', { ready: false });
      await upgrade.sleep(15 * 60_000 + 1_000);
      const { gate } = await upgrade.untilGate('hop-1.29/soak');
      expect(gate).toMatchObject({ failure: { code: 'verification-failed' } });
      upgrade.cluster.changeNode('worker-1', { ready: true });
      await upgrade.approve('hop-1.29/soak');
      const result = await upgrade.resultAfterSoak();
      if (result.outcome !== 'completed') throw new Error(result.outcome);
      const soaked = result.hops[0]?.stepSeconds['soak'] ?? 0;
      expect(soaked).toBeGreaterThanOrEqual(3_600);
      expect(soaked).toBeLessThan(3_700);
    });
  });

  it('drop a node that vanished from the verification when the step is tried again', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const verifying = upgrade.cluster.hold('verifyCluster', '');
      await upgrade.start();
      await verifying.reached;
      upgrade.cluster.removeNode('worker-2');
      verifying.release();
      await upgrade.untilGate('hop-1.29/verify');
      await upgrade.approve('hop-1.29/verify');
      const result = await upgrade.result();
      expect(result).toMatchObject({ outcome: 'completed' });
      expect(await upgrade.events()).toContain('node.missing');
    });
  });

  it('take no node for gone whose kubelet does not say its version', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 3, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const second = cluster.hold('drainNode', 'worker-2');
      await upgrade.start();
      await second.reached;
      await upgrade.child('hop-1.29').cancel();
      await upgrade.untilGate('hop-1.29/hop');
      cluster.unreported.add('worker-3');
      cluster.fail('verifyCluster', '', terminal('verification-failed', 'not yet'));
      await upgrade.approve('hop-1.29/hop');
      await upgrade.untilGate('hop-1.29/verify');
      cluster.unreported.add('worker-1');
      await upgrade.approve('hop-1.29/verify');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(cluster.versions()).toContain('worker-3 1.29.15');
      expect(await upgrade.events()).not.toContain('node.missing');
    });
  });

  it('open before the next hop when it cannot be planned any more', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      const planned = upgrade.cluster.hold('verifyCluster', '');
      await upgrade.start();
      await planned.reached;
      upgrade.cluster.changeNode('worker-1', { labels: { role: 'new' } });
      upgrade.cluster.fail('planUpgrade', '', terminal('credentials-refused', '401 from the API'));
      planned.release();
      const { gate, status } = await upgrade.untilGate('hop-1.30/plan');
      expect(gate).toMatchObject({ step: 'plan', failure: { code: 'credentials-refused' } });
      expect(status.rollBackTo).toMatchObject({
        hop: 'hop-1.29',
        at: '1.28.15',
        until: { reason: 'next-hop-begins', hop: 'hop-1.30', gate: 'approve/hop-1.30' },
      });
      await upgrade.approve('hop-1.30/plan');
      await upgrade.untilGate('approve/hop-1.30');
    });
  });

  it('open when somebody cancelled the hop, and what is done is not done again', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 3, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const second = cluster.hold('drainNode', 'worker-2');
      await upgrade.start();
      await second.reached;
      await upgrade.child('hop-1.29').cancel();
      const { gate } = await upgrade.untilGate('hop-1.29/hop');
      expect(gate).toMatchObject({ kind: 'step', failure: { code: 'unexpected' } });
      expect(cluster.versions()).toContain('worker-2 1.28.15');
      await upgrade.approve('hop-1.29/hop');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(cluster.done('drainNode').filter((node) => node === 'worker-1')).toHaveLength(1);
      expect(cluster.done('preflight')).toHaveLength(1);
      expect(cluster.done('takeSnapshot')).toHaveLength(1);
      expect(cluster.versions()).toEqual([
        'cp-1 1.29.15/1.29.15',
        'worker-1 1.29.15',
        'worker-2 1.29.15',
        'worker-3 1.29.15',
      ]);
      await upgrade.record('hop-cancelled');
    });
  });

  it('look again at a node that a cancelled hop left cordoned', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('upgradeNode', 'worker-1', terminal('node-upgrade-failed', 'no disk left'));
      await upgrade.start();
      await upgrade.untilGate('node/worker-1');
      await upgrade.child('hop-1.29').cancel();
      await upgrade.untilGate('hop-1.29/hop');
      // Nobody knows what its kubelet is: it does not serve before somebody looked.
      expect(cluster.versions()).toContain('worker-1 1.28.15 cordoned');
      await upgrade.approve('hop-1.29/hop');
      expect(await upgrade.result()).toMatchObject({
        outcome: 'completed',
        hops: [
          {
            nodes: [
              { node: 'worker-1', outcome: 'upgraded', after: '1.29.15' },
              { node: 'worker-2', outcome: 'upgraded', after: '1.29.15' },
            ],
          },
        ],
      });
    });
  });
});
