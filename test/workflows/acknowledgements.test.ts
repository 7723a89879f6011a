// Findings that block, and people who answer for them: at the gate, ahead of it, and in vain.

import type { Finding } from '../../domain/preflight/findings';
import { evidenceDigest, findingKey } from '../../domain/preflight/identity';
import { minor, nodeName } from '../support/builders';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { refusalIn, type UpgradeUnderTest, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29') };
const hourMs = 3_600_000;

const notReady: Finding = {
  code: 'node-not-ready',
  severity: 'blocks',
  object: { kind: 'node', name: nodeName('worker-1') },
  message: 'it is not Ready',
  remedy: 'look at its kubelet',
};
const deadlock: Finding = {
  code: 'webhook-deadlock',
  severity: 'blocks',
  object: { kind: 'webhook', name: 'policy' },
  message: 'all that answers for it is on node worker-1',
  remedy: 'run it on two nodes',
  evidence: { node: 'worker-1' },
};
const moved: Finding = { ...deadlock, evidence: { node: 'worker-2' } };
const leaderless: Finding = {
  code: 'etcd-no-leader',
  severity: 'blocks',
  object: { kind: 'cluster' },
  message: 'etcd has no leader',
  remedy: 'wait for an election',
};
const webhook = 'webhook-deadlock:webhook/policy';

/** Texts of the trail that are about findings. */
async function saidOf(upgrade: UpgradeUnderTest): Promise<readonly string[]> {
  const trail = await upgrade.audit();
  return trail.filter(({ finding }) => finding !== undefined).map(({ text }) => text);
}

/** At the approval of the second hop, with these found before it. */
async function beforeSecondHop(upgrade: UpgradeUnderTest, ...found: readonly Finding[]) {
  await upgrade.start();
  const { gate } = await upgrade.untilGate('approve/hop-1.30');
  upgrade.cluster.findings = found;
  return gate;
}

describe.each(workerModes)('acknowledgements, $mode', ({ workerOptions }) => {
  it('let a hop go on once all that blocks is answered for', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      upgrade.cluster.findings = [notReady, deadlock];
      await upgrade.start();
      await upgrade.untilGate('hop-1.29/preflight');
      const one = await upgrade.acknowledge(notReady);
      expect(one.effect).toBe(
        'node-not-ready:node/worker-1 blocks no more; other findings of the step still do',
      );
      const { gates, acknowledgements, preflight } = await upgrade.status();
      const until = { by: 'ada', reason: 'a test', untilMs: expect.any(Number) };
      expect(gates).toMatchObject([
        { findings: [{ ...notReady, acknowledgement: { state: 'holds', ...until } }, deadlock] },
      ]);
      expect(acknowledgements).toMatchObject([{ finding: findingKey(notReady), ...until }]);
      expect(preflight).toMatchObject({ hop: 'hop-1.29', gone: [], more: 0 });
      expect(preflight?.findings.map(({ key, change }) => [key, change])).toEqual([
        ['node-not-ready:node/worker-1', undefined],
        [webhook, undefined],
      ]);
      const other = await upgrade.acknowledge(deadlock);
      expect(other.effect).toBe(
        'nothing blocks any more: step preflight of hop-1.29 is tried again',
      );
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      const answers = (await upgrade.audit()).filter(
        ({ event }) => event === 'command.acknowledge',
      );
      expect(answers.map(({ gate }) => gate)).toEqual([undefined, 'hop-1.29/preflight']);
      expect((await saidOf(upgrade)).slice(2)).toEqual([
        'hop-1.29 goes on although node-not-ready:node/worker-1 blocks: acknowledged by ada' +
          ' (a test)',
        `hop-1.29 goes on although ${webhook} blocks: acknowledged by ada (a test)`,
      ]);
      await upgrade.record('acknowledged-preflight');
    });
  });

  it('are refused with a reason, and change nothing then', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      upgrade.cluster.findings = [leaderless, deadlock];
      await upgrade.start();
      await upgrade.untilGate('hop-1.29/preflight');
      expect(await refusalIn(upgrade.acknowledge(leaderless))).toEqual({
        code: 'finding-not-acknowledgeable',
        finding: 'etcd-no-leader:cluster',
        why: 'cannot-go-on',
      });
      expect(await refusalIn(upgrade.acknowledge(moved))).toEqual({
        code: 'finding-changed',
        finding: webhook,
        given: evidenceDigest(moved),
        current: evidenceDigest(deadlock),
      });
      expect(await refusalIn(upgrade.acknowledge(deadlock, { untilMs: 1, reason: '' }))).toEqual({
        code: 'request-malformed',
        problems: ['reason must not be empty', 'untilMs must be in the future'],
      });
      expect(await refusalIn(upgrade.revoke(deadlock))).toEqual({
        code: 'acknowledgement-unknown',
        finding: webhook,
        known: [],
      });
      expect(await saidOf(upgrade)).toEqual([]);
      await upgrade.reject('hop-1.29/preflight');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rejected', at: '1.28.15' });
    });
  });

  it('hold ahead of a hop, across runs, until what was seen changes', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      await beforeSecondHop(upgrade, moved);
      const { effect } = await upgrade.acknowledge(deadlock);
      expect(effect).toMatch(/^webhook-deadlock:webhook\/policy blocks no hop until .* so far$/);
      await upgrade.approve('approve/hop-1.30');
      const { gate, status } = await upgrade.untilGate('hop-1.30/preflight');
      expect(gate).toMatchObject({
        findings: [
          { code: moved.code, acknowledgement: { state: 'void', why: 'evidence-changed' } },
        ],
      });
      expect(status.sentence).toContain('but what was seen has changed since');
      expect(status.preflight?.findings.map(({ change }) => change)).toEqual(['new']);
      upgrade.cluster.findings = [deadlock];
      await upgrade.approve('hop-1.30/preflight');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed', to: '1.30.14' });
      expect((await saidOf(upgrade)).at(-1)).toBe(
        `hop-1.30 goes on although ${webhook} blocks: acknowledged by ada (a test)`,
      );
    });
  });

  it('end by themselves, and when they are revoked', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      const { sinceMs } = await beforeSecondHop(upgrade, deadlock, notReady);
      await upgrade.acknowledge(deadlock);
      await upgrade.acknowledge(notReady, { untilMs: sinceMs + 48 * hourMs });
      await upgrade.sleep(2 * hourMs);
      const { effect } = await upgrade.revoke(notReady);
      expect(effect).toBe('node-not-ready:node/worker-1 counts again from the next look at it on');
      await upgrade.approve('approve/hop-1.30');
      const { gate } = await upgrade.untilGate('hop-1.30/preflight');
      const findings = gate.kind === 'step' ? gate.findings : [];
      expect(findings.map(({ code, acknowledgement }) => [code, acknowledgement])).toEqual([
        [deadlock.code, expect.objectContaining({ state: 'void', why: 'expired' })],
        [notReady.code, undefined],
      ]);
      await upgrade.reject('hop-1.30/preflight');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rejected', at: '1.29.15' });
    });
  });

  it('count at the gates of members as well', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      const lag: Finding = {
        ...notReady,
        code: 'etcd-raft-lag',
        object: { kind: 'etcd', name: 'a' },
      };
      upgrade.cluster.memberFindings.push([lag], [lag], [lag], [lag]);
      await upgrade.start();
      await upgrade.untilGate('hop-1.29/api-server cp-1');
      await upgrade.acknowledge(lag);
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });
});
