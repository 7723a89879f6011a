import type { SnapshotRecord } from '../../domain/activity-contract';
import { failureInfo } from '../../domain/failure-remedies';
import type { FailureCode } from '../../domain/failures';
import type { Hop } from '../../domain/plan/plan';
import { stepGateId } from '../../domain/status/gates';
import type { HopOutcome } from '../../domain/status/progress';
import type { Report } from '../../workflows/family-messages';
import {
  openUpgrade,
  type UpgradeState,
  withChildEnded,
  withHopBegun,
  withPlan,
  withReport,
} from '../../workflows/upgrade-state';
import { statusOf } from '../../workflows/upgrade-status';
import { withPolicy } from '../../workflows/way-back';
import { aCluster, aPlan, aSpec } from '../support/builders';

const spec = aSpec({ rollBack: 'automatic' });
const plan = aPlan(spec, aCluster().withNodes(1).observation());
const [hop] = plan.hops as readonly [Hop];
const taken = { id: 's-1', hop: hop.id } as SnapshotRecord;
const asked = withPlan(openUpgrade(spec, 'ada', 0), plan, 0);
const begun = withReport(withHopBegun(asked, hop, 0), { kind: 'snapshot', record: taken }, 0);

function at(state: UpgradeState, label: string, ...done: readonly string[]): UpgradeState {
  const stepSeconds = Object.fromEntries(['snapshot', ...done].map((one) => [one, 1]));
  return withReport(state, { kind: 'step', label, atMs: 0, stepSeconds }, 0);
}

function failed(step: string, code: FailureCode, more: { readonly asBefore?: true } = {}) {
  const failure = failureInfo(code, 'not ready');
  const gate = {
    kind: 'step',
    id: stepGateId(hop.id, step),
    hop: hop.id,
    step,
    failure,
    findings: [],
    sinceMs: 1,
    ...more,
  } as const;
  return { kind: 'gate', gate, workflowId: 'w-1' } as const satisfies Report;
}

/** As the root takes it. */
function told(state: UpgradeState, report: Report): UpgradeState {
  return withPolicy(withReport(state, report, 1), report, 1);
}

const rung = (state: UpgradeState) => statusOf(state).rollBackTo?.cheapest?.rung;
const [first, second] = ['api-server cp-1', 'api-server cp-2'] as const;

describe('what going back takes', () => {
  it('is told from the verified snapshot on, until it is decided', () => {
    expect(statusOf(asked).rollBackTo).toBeUndefined();
    expect(rung(begun)).toBe('none');
    expect(rung(at(begun, first))).toBe('put-back');
    expect(statusOf(at(begun, second, first)).rollBackTo?.cheapest).toEqual({
      rung: 'restore-etcd',
      tooLittle: ['none', 'put-back'].map((one) => ({
        rung: one,
        reason: { code: 'members-moved', members: ['cp-1'] },
      })),
    });
    expect(rung(told(at(begun, second, first), failed(second, 'member-not-ready')))).toBe(
      undefined,
    );
  });

  it('is known after a member failed, until it is seen as before', () => {
    const paused = { ...begun, paused: { by: 'bob', reason: 'let me look', sinceMs: 0 } };
    const lost = told(at(paused, first), failed(first, 'member-not-ready'));
    expect(rung(lost)).toBe('restore-etcd');
    const unfit = told(lost, failed(first, 'members-unfit'));
    expect(rung(unfit)).toBe('restore-etcd');
    expect(rung(told(unfit, failed(first, 'member-put-back', { asBefore: true })))).toBe('none');
  });

  it('is what the outcome says between the hops, and the worst when nobody knows', () => {
    const outcome = { hop: hop.id, outcome: 'completed', stepSeconds: { [first]: 1 } };
    const ended = withChildEnded(at(begun, 'verify', first));
    expect(rung({ ...ended, hops: [outcome as unknown as HopOutcome] })).toBe('restore-etcd');
    const reason = { code: 'progress-unknown' };
    const unknown = { tooLittle: [{ reason }, { reason }] };
    expect(statusOf(withChildEnded(begun)).rollBackTo?.cheapest).toMatchObject(unknown);
    const again = withHopBegun(withChildEnded(begun), hop, 1);
    expect(statusOf(again).rollBackTo?.cheapest).toMatchObject(unknown);
  });
});

describe('the policy of the spec', () => {
  const failure = failed(second, 'member-put-back', { asBefore: true });
  const before = at(begun, second, first);

  it('goes back at once, and says so in the trail', () => {
    const { decision, gates, audit } = told(before, failure);
    expect(decision).toMatchObject({ kind: 'roll-back', actor: 'ascent' });
    expect(gates).toEqual([]);
    expect(audit.at(-1)).toMatchObject({ actor: 'ascent', event: 'rollback.automatic' });
  });

  it('leaves it to whoever has paused the upgrade, with the proposal', () => {
    const paused = { ...before, paused: { by: 'bob', reason: 'let me look', sinceMs: 0 } };
    const { decision, gates } = told(paused, failure);
    expect(decision).toBeUndefined();
    expect(gates).toEqual([{ gate: { ...failure.gate, proposes: 'rollBack' }, workflowId: 'w-1' }]);
  });

  it.each<readonly [string, UpgradeState, Report]>([
    [
      'nothing is to be undone',
      at(begun, first),
      failed(first, 'member-put-back', { asBefore: true }),
    ],
    ['a pool has begun', at(before, 'pool web', first), failed('pool web', 'verification-failed')],
    ['it is not about the cluster', before, failed(second, 'worker-missing')],
    [
      'there is no snapshot',
      at(withHopBegun(asked, hop, 0), 'snapshot'),
      failed('snapshot', 'snapshot-failed'),
    ],
    ['the spec says nothing', { ...before, spec: aSpec() }, failure],
  ])('waits for a person when %s', (_, state, report) => {
    const { decision, gates } = told(state, report);
    expect(decision).toBeUndefined();
    expect(gates).toMatchObject([{ gate: report.kind === 'gate' ? report.gate : {} }]);
    expect(gates[0]?.gate).not.toHaveProperty('proposes');
  });
});
