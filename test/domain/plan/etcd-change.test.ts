import type { EtcdObservation } from '../../../domain/observation';
import { checkPlan } from '../../../domain/plan/plan-checks';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import type { EtcdTarget } from '../../../domain/spec';
import { aCluster, anEtcd, anEtcdMember, aSpec, minor, version } from '../../support/builders';

/** etcd-1, etcd-2, … in these versions; the first leads. */
function etcdOf(...versions: readonly string[]): EtcdObservation {
  const members = versions.map((at, index) =>
    anEtcdMember(`etcd-${index + 1}`, { version: at, isLeader: index === 0 }),
  );
  return anEtcd(versions.length, { members: members.toReversed() });
}

function target(hop: string, to: string, more: Partial<EtcdTarget> = {}): EtcdTarget {
  return { hop: minor(hop), version: version(to), ...more };
}

interface Asked {
  readonly etcd?: EtcdObservation;
  readonly available?: readonly string[];
  readonly hopsDone?: number;
}

function plan(wanted: readonly EtcdTarget[], asked: Asked = {}) {
  const { etcd = etcdOf('3.5.35', '3.5.35', '3.5.35'), available, hopsDone } = asked;
  const observation = {
    ...aCluster().withMembers(3).withNodes(1).with({ etcd }).observation(),
    ...(available === undefined ? {} : { availableEtcdVersions: available.map(version) }),
  };
  const { controlPlane } = aSpec();
  const spec = aSpec({ controlPlane: { ...controlPlane, etcd: wanted } });
  const input = { spec, observation, ...(hopsDone === undefined ? {} : { hopsDone }) };
  const result = planUpgrade({ ...input, releases: knownReleases });
  if (result.kind === 'planned') expect(checkPlan({ ...input, plan: result.plan })).toEqual([]);
  return result;
}

/** `hop-1.29: preflight snapshot …`. */
function kindsOf(result: ReturnType<typeof plan>): readonly string[] {
  if (result.kind === 'blocked') return result.blockers.map(({ code }) => code);
  return result.plan.hops.map(
    ({ id, steps }) => `${id}: ${[...new Set(steps.map(({ kind }) => kind))].join(' ')}`,
  );
}

function faultOf(wanted: EtcdTarget, asked: Asked = {}): unknown {
  const result = plan([wanted], asked);
  return result.kind === 'blocked' ? result.blockers : result.kind;
}

const usual = 'api-server controllers';
const rest = 'pool verify soak';

describe('a plan with another etcd', () => {
  it('changes it in the hop that wants it, after the controllers', () => {
    const result = plan([target('1.30', '3.6.16')]);

    expect(kindsOf(result)).toEqual([
      `hop-1.29: preflight snapshot ${usual} ${rest}`,
      `hop-1.30: preflight snapshot ${usual} etcd ${rest}`,
    ]);
    const steps = result.kind === 'planned' ? result.plan.hops.flatMap((hop) => hop.steps) : [];
    expect(steps.filter(({ kind }) => kind === 'etcd')).toEqual([
      {
        kind: 'etcd',
        members: ['etcd-1', 'etcd-2', 'etcd-3'],
        order: 'leader-last',
        from: '3.5.35',
        to: '3.6.16',
        timeoutMs: 300_000,
      },
    ]);
  });

  it('changes it before the API servers where the spec says so', () => {
    expect(kindsOf(plan([target('1.29', '3.6.16', { order: 'before-api-servers' })]))).toEqual([
      `hop-1.29: preflight snapshot etcd ${usual} ${rest}`,
      `hop-1.30: preflight snapshot ${usual} ${rest}`,
    ]);
  });

  it('goes through a patch first, which a minor needs', () => {
    const wanted = [target('1.29', '3.5.35'), target('1.30', '3.6.16')];
    const result = plan(wanted, { etcd: etcdOf('3.5.21', '3.5.21', '3.5.21') });
    const steps = result.kind === 'planned' ? result.plan.hops.flatMap((hop) => hop.steps) : [];

    expect(
      steps.flatMap((step) => (step.kind === 'etcd' ? [`${step.from} > ${step.to}`] : [])),
    ).toEqual(['3.5.21 > 3.5.35', '3.5.35 > 3.6.16']);
  });

  it('leaves members out that run it, and the step where all do', () => {
    const some = plan([target('1.29', '3.6.16')], {
      etcd: etcdOf('3.6.16', '3.5.35', '3.5.30'),
    });
    const steps = some.kind === 'planned' ? some.plan.hops.flatMap((hop) => hop.steps) : [];

    expect(steps.find(({ kind }) => kind === 'etcd')).toMatchObject({
      members: ['etcd-2', 'etcd-3'],
      from: '3.5.30',
    });
    expect(kindsOf(plan([target('1.29', '3.6.16')], { etcd: etcdOf('3.6.16', '3.6.16') }))).toEqual(
      [
        `hop-1.29: preflight snapshot ${usual} ${rest}`,
        `hop-1.30: preflight snapshot ${usual} ${rest}`,
      ],
    );
  });

  it('has the digest of before where the spec says nothing of it', () => {
    const [without, empty] = [plan([]), plan([target('1.30', '3.5.35')])];

    expect(without.kind === 'planned' && empty.kind === 'planned').toBe(true);
    expect(empty).toEqual(without);
  });

  it('may be about a hop that is behind, in mid-upgrade', () => {
    expect(kindsOf(plan([target('1.28', '3.6.16')], { hopsDone: 1 }))).toEqual([
      `hop-1.29: preflight snapshot ${usual} ${rest}`,
      `hop-1.30: preflight snapshot ${usual} ${rest}`,
    ]);
  });
});

describe('another etcd is refused', () => {
  const about = { code: 'etcd-change-unusable', hop: '1.29' } as const;

  it.each<{ readonly when: string; readonly to: string; readonly asked: Asked; is: object }>([
    {
      when: 'no member answers',
      to: '3.6.16',
      asked: {
        etcd: { kind: 'unobserved', problem: { code: 'timeout', message: 'no answer' } },
      },
      is: { why: 'unobserved' },
    },
    {
      when: 'a member does not answer',
      to: '3.6.16',
      asked: {
        etcd: anEtcd(3, {
          unreachable: [
            {
              name: 'etcd-3',
              endpoint: 'https://etcd-3:2379',
              problem: { code: 'timeout', message: 'no answer' },
            },
          ],
        }),
      },
      is: { why: 'unobserved' },
    },
    {
      when: 'a member tells no version',
      to: '3.6.16',
      asked: { etcd: etcdOf('3.5.35', 'unknown') },
      is: { why: 'unobserved' },
    },
    {
      when: 'it is older than a member',
      to: '3.5.35',
      asked: { etcd: etcdOf('3.5.30', '3.6.1') },
      is: { why: 'goes-back', at: '3.6.1' },
    },
    {
      when: 'it is two minors ahead',
      to: '3.6.16',
      asked: { etcd: etcdOf('3.4.30', '3.5.35') },
      is: { why: 'skips-minor', at: '3.4.30' },
    },
    {
      when: 'its minor is not known',
      to: '3.7.1',
      asked: { etcd: etcdOf('3.6.16') },
      is: { why: 'unsupported', at: '3.6.16' },
    },
    {
      when: 'members may come back that were removed',
      to: '3.6.16',
      asked: { etcd: etcdOf('3.5.25', '3.5.35') },
      is: { why: 'patch-too-old', at: '3.5.25', needed: '3.5.26' },
    },
    {
      when: 'the driver does not have it',
      to: '3.6.16',
      asked: { available: ['3.5.35', '3.6.1'] },
      is: { why: 'not-available', at: '3.5.35' },
    },
  ])('when $when', ({ to, asked, is }) => {
    expect(faultOf(target('1.29', to), asked)).toEqual([{ ...about, version: to, ...is }]);
  });

  it('when the hop is not of this upgrade', () => {
    expect(faultOf(target('1.31', '3.6.16'))).toEqual([
      { ...about, hop: '1.31', version: '3.6.16', why: 'not-on-path' },
    ]);
  });

  it('when it is one of two for a hop', () => {
    expect(plan([target('1.29', '3.6.16'), target('1.29', '3.5.35')])).toEqual({
      kind: 'blocked',
      blockers: [{ ...about, version: '3.5.35', why: 'duplicate-hop' }],
    });
  });

  it('not beside a path that there is none of', () => {
    const observation = aCluster().withMembers(1, '1.30.14').withNodes(1).observation();
    const { controlPlane } = aSpec();
    const spec = aSpec({
      target: minor('1.29'),
      controlPlane: { ...controlPlane, etcd: [target('1.29', '3.5.35')] },
    });
    const result = planUpgrade({ spec, observation, releases: knownReleases });

    expect(result.kind === 'blocked' ? result.blockers.map(({ code }) => code) : []).toEqual([
      'target-lower',
      'single-member-not-allowed',
    ]);
  });
});
