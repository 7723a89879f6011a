import fc from 'fast-check';

import { checkPlan } from '../../../domain/plan/plan-checks';
import { planUpgrade } from '../../../domain/plan/planner';
import { compareVersions, minorsBetween } from '../../../domain/versions';
import { shuffled, situations } from '../../support/arbitraries';

describe('for any cluster and spec', () => {
  it('a plan breaks no rule of the judge', () => {
    fc.assert(
      fc.property(situations, ({ spec, observation, releases }) => {
        const result = planUpgrade({ spec, observation, releases });
        if (result.kind === 'blocked') return;
        expect(checkPlan({ plan: result.plan, spec, observation })).toEqual([]);
      }),
      { numRuns: 600 },
    );
  });

  it('the answer does not depend on the order of any list that was observed', () => {
    const pairs = situations.chain((situation) =>
      shuffled(situation.observation).map((other) => ({ situation, other })),
    );
    fc.assert(
      fc.property(pairs, ({ situation, other }) => {
        const result = planUpgrade(situation);
        expect(planUpgrade({ ...situation, observation: other })).toEqual(result);
      }),
      { numRuns: 300 },
    );
  });

  it('a plan has at least one hop and never skips a minor, a refusal at least one reason', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const result = planUpgrade(situation);
        if (result.kind === 'blocked') {
          expect(result.blockers.length).toBeGreaterThan(0);
          return;
        }
        const { hops, from, to } = result.plan;
        expect([hops[0]?.from, hops.at(-1)?.to]).toEqual([from, to]);
        for (const hop of hops) {
          expect(minorsBetween(hop.from, hop.to)).toBeLessThanOrEqual(1);
          expect(compareVersions(hop.from, hop.to)).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('no lane drains a node more often than fewest-drains needs over every-hop', () => {
    const drains = (
      situation: Parameters<typeof planUpgrade>[0],
      lane: 'every-hop' | 'fewest-drains',
    ) => {
      const pools = situation.spec.pools.map((pool) => ({ ...pool, lane }));
      const result = planUpgrade({ ...situation, spec: { ...situation.spec, pools } });
      if (result.kind === 'blocked') return result.kind;
      const steps = result.plan.hops.flatMap((hop) => hop.steps);
      return steps.reduce((sum, step) => sum + (step.kind === 'pool' ? step.nodes.length : 0), 0);
    };
    fc.assert(
      fc.property(situations, (situation) => {
        const [few, every] = [drains(situation, 'fewest-drains'), drains(situation, 'every-hop')];
        if (few === 'blocked' || every === 'blocked') expect(few).toBe(every);
        else expect(few).toBeLessThanOrEqual(every);
      }),
      { numRuns: 300 },
    );
  });

  it('most of the clusters drawn here can be planned, and some cannot', () => {
    const kinds = fc
      .sample(situations, { numRuns: 300, seed: 42 })
      .map((one) => planUpgrade(one).kind);
    const planned = kinds.filter((kind) => kind === 'planned').length;
    expect(planned).toBeGreaterThan(90);
    expect(planned).toBeLessThan(290);
  });
});
