// Plans for clusters in which a driver changes members as wholes.

import type { MemberObservation, Observation } from '../../../domain/observation';
import type { Step } from '../../../domain/plan/plan';
import { checkPlan } from '../../../domain/plan/plan-checks';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import { plannedMs } from '../../../domain/plan/planned-time';
import type { UpgradeSpec } from '../../../domain/spec';
import { stepLabel } from '../../../domain/status/step-labels';
import { blockerSentence } from '../../../domain/blocker-sentences';
import { aCluster, aSpec, memberName, minor, version } from '../../support/builders';

const memberTimeoutMs = aSpec().controlPlane.memberTimeoutMs;

function seenAs(
  members: number,
  change: (member: MemberObservation) => MemberObservation = (member) => member,
): Observation {
  const seen = aCluster().withMembers(members).withNodes(1).observation();
  return { ...seen, members: seen.members.map(change), changedAs: 'member' };
}

function plan(
  observation: Observation,
  controlPlane: Partial<UpgradeSpec['controlPlane']> = {},
  target = '1.29',
) {
  const { controlPlane: usual } = aSpec();
  const spec = aSpec({ target: minor(target), controlPlane: { ...usual, ...controlPlane } });
  const result = planUpgrade({ spec, observation, releases: knownReleases });
  if (result.kind === 'planned') {
    expect(checkPlan({ spec, observation, plan: result.plan })).toEqual([]);
  }
  return result;
}

function stepsOf(result: ReturnType<typeof plan>): readonly Step[] {
  if (result.kind === 'blocked') throw new Error(JSON.stringify(result.blockers));
  return result.plan.hops.flatMap(({ steps }) => steps);
}

/** Controllers of this release on every member. */
function withControllers(at: string) {
  return (member: MemberObservation): MemberObservation => {
    const seen = { kind: 'observed', version: version(at), healthy: true } as const;
    return { ...member, controllerManager: seen, scheduler: seen };
  };
}

const step = { kind: 'member', from: '1.28.15', to: '1.29.15', timeoutMs: memberTimeoutMs };

describe('where members are changed as wholes', () => {
  it('a hop changes one after the other, and nothing by itself', () => {
    const steps = stepsOf(plan(seenAs(3)));

    expect(steps.map(({ kind }) => kind).join(' ')).toBe(
      'preflight snapshot member member member pool verify soak',
    );
    expect(steps.filter(({ kind }) => kind === 'member')).toEqual(
      ['cp-1', 'cp-2', 'cp-3'].map((member) => ({ ...step, member })),
    );
  });

  it('later hops find them where the one before has left them', () => {
    const steps = stepsOf(plan(seenAs(2, withControllers('1.28.12')), {}, '1.30'));

    expect(
      steps.flatMap((one) =>
        one.kind === 'member' ? [`${stepLabel(one)} ${one.from} to ${one.to}`] : [],
      ),
    ).toEqual([
      'member cp-1 1.28.12 to 1.29.15',
      'member cp-2 1.28.12 to 1.29.15',
      'member cp-1 1.29.15 to 1.30.14',
      'member cp-2 1.29.15 to 1.30.14',
    ]);
  });

  it('the only one takes the API away, which must be allowed', () => {
    expect(plan(seenAs(1))).toEqual({
      kind: 'blocked',
      blockers: [{ code: 'single-member-not-allowed', member: 'cp-1' }],
    });
    expect(stepsOf(plan(seenAs(1), { allowSingleMember: true }))[2]).toEqual({
      ...step,
      member: 'cp-1',
      expectedDowntimeMs: 30_000,
    });
  });

  it('controllers that lag by a patch take their member along, in the minor that runs', () => {
    const observation = seenAs(2, withControllers('1.28.12'));
    const spec = aSpec({ target: version('1.28.15') });
    const result = planUpgrade({ spec, observation, releases: knownReleases });

    expect(stepsOf(result).filter(({ kind }) => kind === 'member')).toEqual(
      ['cp-1', 'cp-2'].map((member) => ({ ...step, member, from: '1.28.12', to: '1.28.15' })),
    );
    if (result.kind === 'planned') {
      expect(checkPlan({ spec, observation, plan: result.plan })).toEqual([]);
    }
  });

  it('none is touched where only nodes are behind', () => {
    const seen = aCluster().withMembers(2, '1.29.15').withNodes(1).observation();
    const steps = stepsOf(plan({ ...seen, changedAs: 'member' }));
    expect(steps.map(({ kind }) => kind).join(' ')).toBe('preflight snapshot pool verify soak');
  });

  it('a hop in two steps is refused: programs are started as their own minor', () => {
    const seen = aCluster().withMembers(2, '1.31.14').withNodes(1, '1.31.14').observation();
    const { controlPlane } = aSpec();
    const emulation = [{ hop: minor('1.32'), soakMs: 1_000 }];
    const spec = aSpec({
      target: minor('1.32'),
      controlPlane: { ...controlPlane, emulation },
    });
    const observation: Observation = { ...seen, changedAs: 'member' };
    const blocker = { code: 'emulation-unusable', hop: '1.32', why: 'whole-members' } as const;
    expect(planUpgrade({ spec, observation, releases: knownReleases })).toEqual({
      kind: 'blocked',
      blockers: [blocker],
    });
    expect(blockerSentence({ ...blocker, hop: minor('1.32') })).toBe(
      'the hop to 1.32 in two steps cannot be: what changes this cluster replaces whole members,' +
        ' and starts them as their own minor - take the hop out of controlPlane.emulation',
    );
  });

  it('a member counts for a minute until one was seen', () => {
    const result = plan(seenAs(3));
    const one = plan(seenAs(1), { allowSingleMember: true });
    if (result.kind === 'blocked' || one.kind === 'blocked') throw new Error('blocked');
    expect(plannedMs(result.plan.hops) - plannedMs(one.plan.hops)).toBe(120_000);
  });
});

describe('the judge of such a plan', () => {
  const observation = seenAs(2);
  const result = plan(observation);
  const good = result.kind === 'planned' ? result.plan : undefined;
  const spec = aSpec({ target: minor('1.29') });

  function judge(change: (steps: readonly Step[]) => readonly Step[], seen = observation) {
    if (good === undefined) throw new Error('there is no plan');
    const hops = good.hops.map((hop) => ({ ...hop, steps: change(hop.steps) }));
    const violations = checkPlan({ spec, observation: seen, plan: { ...good, hops } });
    return violations.filter(({ code }) => code !== 'digest-wrong');
  }

  it('knows what talks to which API server', () => {
    const byComponents: Observation = { ...observation };
    delete (byComponents as { changedAs?: 'member' }).changedAs;
    const told = judge((steps) => steps, byComponents);

    expect(told.map(({ code }) => code)).toEqual([
      'step-kind-wrong',
      'step-kind-wrong',
      'controller-skewed',
      'controller-skewed',
    ]);
    expect(told[2]).toEqual({
      code: 'controller-skewed',
      where: 'hop-1.29/member cp-1',
      object: 'controller-manager of cp-1',
      expected: 'at most one minor older than 1.29.15, not newer than 1.28',
      actual: '1.29.15',
    });
  });

  it('finds members that nobody knows, and one that is left behind', () => {
    const strange = judge((steps) =>
      steps.map((one) =>
        one.kind === 'member' && one.member === 'cp-2'
          ? { ...one, member: memberName('cp-9') }
          : one,
      ),
    );
    expect(strange.map(({ code, where, object }) => [code, where, object])).toEqual([
      ['member-unknown', 'hop-1.29/member cp-9', 'cp-9'],
      ['kubelet-skewed', 'hop-1.29/pool workers', 'node worker-1'],
      ['member-left-behind', 'hop-1.29', 'API server of cp-2'],
      ['member-left-behind', 'hop-1.29', 'controller-manager of cp-2'],
      ['member-left-behind', 'hop-1.29', 'scheduler of cp-2'],
    ]);
  });
});
