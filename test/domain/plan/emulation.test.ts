import type { MemberObservation } from '../../../domain/observation';
import { checkPlan } from '../../../domain/plan/plan-checks';
import { planUpgrade } from '../../../domain/plan/planner';
import { leavableEmulation } from '../../../domain/plan/emulation';
import { knownReleases } from '../../../domain/plan/releases';
import type { EmulationTarget, EtcdTarget } from '../../../domain/spec';
import { aCluster, anEtcd, anEtcdMember, aSpec, minor, version } from '../../support/builders';

function target(hop: string, soakMs = 3_600_000): EmulationTarget {
  return { hop: minor(hop), soakMs };
}

interface Asked {
  readonly at?: string;
  readonly to?: string;
  readonly members?: number;
  readonly etcd?: readonly EtcdTarget[];
  readonly hopsDone?: number;
  readonly left?: (member: MemberObservation) => MemberObservation;
}

function plan(emulation: readonly EmulationTarget[] | undefined, asked: Asked = {}) {
  const { at = '1.31.14', to = '1.33', members = 2, etcd, hopsDone, left } = asked;
  const seen = aCluster().withMembers(members, at).withNodes(1, at).observation();
  const told = [anEtcdMember('etcd-1', { version: '3.5.35', isLeader: true })];
  const observation = {
    ...seen,
    members: left === undefined ? seen.members : seen.members.map(left),
    etcd: anEtcd(1, { members: told }),
  };
  const { controlPlane: usual } = aSpec();
  const controlPlane = {
    ...usual,
    allowSingleMember: true,
    ...(etcd === undefined ? {} : { etcd }),
    ...(emulation === undefined ? {} : { emulation }),
  };
  const spec = aSpec({ target: minor(to), controlPlane });
  const input = { spec, observation, ...(hopsDone === undefined ? {} : { hopsDone }) };
  const result = planUpgrade({ ...input, releases: knownReleases });
  if (result.kind === 'planned') expect(checkPlan({ ...input, plan: result.plan })).toEqual([]);
  return result;
}

/** `hop-1.32: preflight snapshot …`; or the blockers. */
function shapeOf(result: ReturnType<typeof plan>): readonly unknown[] {
  if (result.kind === 'blocked') return result.blockers;
  return result.plan.hops.map(
    ({ id, steps }) => `${id}: ${[...new Set(steps.map(({ kind }) => kind))].join(' ')}`,
  );
}

const oneStep = 'preflight snapshot api-server controllers pool verify soak';
const twoSteps = 'preflight snapshot api-server controllers soak end-emulation';

describe('a plan with a hop in two steps', () => {
  it('serves as the minor before, soaks so, and ends that before any kubelet changes', () => {
    const result = plan([target('1.32')]);

    expect(shapeOf(result)).toEqual([`hop-1.32: ${twoSteps} pool verify`, `hop-1.33: ${oneStep}`]);
    const [hop] = result.kind === 'planned' ? result.plan.hops : [];
    const ends = { from: '1.31.14', to: '1.32.13', emulates: '1.31', timeoutMs: 300_000 };
    expect(hop?.steps.slice(2, 7)).toEqual([
      { kind: 'api-server', member: 'cp-1', ...ends },
      { kind: 'api-server', member: 'cp-2', ...ends },
      { kind: 'controllers', members: ['cp-1', 'cp-2'], order: 'leader-last', ...ends },
      { kind: 'soak', of: 'emulation', durationMs: 3_600_000 },
      {
        kind: 'end-emulation',
        members: ['cp-1', 'cp-2'],
        order: 'leader-last',
        at: '1.32.13',
        emulates: '1.31',
        timeoutMs: 300_000,
      },
    ]);
  });

  it('may do so in every hop, each emulating the one before', () => {
    const result = plan([target('1.33', 0), target('1.32')]);
    const hops = result.kind === 'planned' ? result.plan.hops : [];

    expect(
      hops.flatMap(({ steps }) =>
        steps.flatMap((step) =>
          step.kind === 'end-emulation' ? [`${step.at} as ${step.emulates}`] : [],
        ),
      ),
    ).toEqual(['1.32.13 as 1.31', '1.33.12 as 1.32']);
  });

  it('tells of the only member that the API is away twice', () => {
    const result = plan([target('1.32')], { members: 1 });
    const steps = result.kind === 'planned' ? (result.plan.hops[0]?.steps ?? []) : [];

    expect(steps.flatMap((step) => ('expectedDowntimeMs' in step ? [step.kind] : []))).toEqual([
      'api-server',
      'end-emulation',
    ]);
  });

  it('changes etcd after the switch, until which the old programs lead back', () => {
    const etcd = { hop: minor('1.32'), version: version('3.6.16') };

    expect(shapeOf(plan([target('1.32')], { to: '1.32', etcd: [etcd] }))).toEqual([
      `hop-1.32: ${twoSteps} etcd pool verify`,
    ]);
    const first = { ...etcd, order: 'before-api-servers' } as const;
    expect(shapeOf(plan([target('1.32')], { to: '1.32', etcd: [first] }))).toEqual([
      'hop-1.32: preflight snapshot etcd api-server controllers soak end-emulation pool verify',
    ]);
  });

  it('has the digest of before where the spec says nothing of it', () => {
    expect(plan([])).toEqual(plan(undefined));
  });

  it('does what is left of a hop in one step', () => {
    const left = plan([target('1.32')], { at: '1.32.1', to: '1.32' });

    expect(shapeOf(left)).toEqual([`hop-1.32: ${oneStep}`]);
  });

  it('may be about a hop that is behind, in mid-upgrade', () => {
    const rest = plan([target('1.32')], { at: '1.33.12', to: '1.34', hopsDone: 2 });

    expect(shapeOf(rest)).toEqual([`hop-1.34: ${oneStep}`]);
  });
});

describe('a hop in two steps is refused', () => {
  const about = { code: 'emulation-unusable' } as const;

  it.each([
    {
      when: 'its programs can serve as themselves only',
      wanted: [target('1.31')],
      asked: { at: '1.30.14', to: '1.31' },
      is: { ...about, hop: '1.31', why: 'too-old', from: '1.30', needed: '1.32' },
    },
    {
      when: 'it is asked for twice',
      wanted: [target('1.32'), target('1.33'), target('1.32', 0)],
      asked: {},
      is: { ...about, hop: '1.32', why: 'duplicate-hop' },
    },
    {
      when: 'the upgrade does not go through it',
      wanted: [target('1.34')],
      asked: {},
      is: { ...about, hop: '1.34', why: 'not-on-path' },
    },
  ])('where $when', ({ wanted, asked, is }) => {
    expect(shapeOf(plan(wanted, asked))).toEqual([is]);
  });

  it('with the path, where there is none', () => {
    const codes = shapeOf(plan([target('1.32')], { to: '1.99' }));

    expect(codes).toEqual([{ code: 'target-unknown', target: '1.99', newestKnown: '1.36.1' }]);
  });
});

describe('a cluster that was left emulating', () => {
  it('is blocked by every member that does', () => {
    const left = (member: MemberObservation): MemberObservation =>
      member.name === 'cp-2' && member.apiServer.kind === 'observed'
        ? { ...member, apiServer: { ...member.apiServer, emulates: minor('1.31') } }
        : member;
    const blocked = { code: 'member-emulates', member: 'cp-2', at: '1.32.13', emulates: '1.31' };

    for (const hopsDone of [undefined, 1]) {
      const asked = { at: '1.32.13', left, ...(hopsDone === undefined ? {} : { hopsDone }) };
      expect(shapeOf(plan([target('1.33')], asked))).toEqual([blocked]);
    }
  });
});

describe('the emulation of a hop', () => {
  const emulated = (asked: Asked, wanted = [target('1.32')]) => {
    const result = plan(wanted, { to: '1.32', ...asked });
    const [hop] = result.kind === 'planned' ? result.plan.hops : [];
    return hop === undefined ? 'no hop' : leavableEmulation(hop);
  };
  const etcd = { hop: minor('1.32'), version: version('3.6.16') };

  it('can be left by the old programs, also where etcd changes after it', () => {
    expect([emulated({}), emulated({ etcd: [etcd] })]).toEqual(['1.31', '1.31']);
  });

  it('cannot be left where there is none, or etcd has changed before', () => {
    const first = { ...etcd, order: 'before-api-servers' } as const;
    expect([emulated({}, []), emulated({ etcd: [first] })]).toEqual([undefined, undefined]);
  });
});
