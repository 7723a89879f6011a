import type { PlanBlocker } from '../../../domain/blockers';
import type { DrivenChange } from '../../../domain/observation';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import type { RebootPolicy } from '../../../domain/spec';
import {
  aCluster,
  anEtcd,
  anEtcdMember,
  aPool,
  aSpec,
  minor,
  version,
} from '../../support/builders';

interface Asked {
  readonly at?: string;
  readonly nodesAt?: string;
  readonly to?: string;
  readonly isTwoStep?: boolean;
  readonly etcd?: boolean;
  readonly changedAs?: 'member';
  readonly driver?: 'kubeadm';
  readonly reboot?: RebootPolicy;
}

function blockerText(blocker: PlanBlocker) {
  if (blocker.code !== 'change-undriven') return blocker;
  const { hop, change, driver } = blocker;
  return driver === undefined ? `${hop} ${change}` : `${hop} ${change} ${driver}`;
}

/** `hop-1.29 node`, of each change that the driver cannot make; none: there is a plan. */
function missing(drives: readonly DrivenChange[] | undefined, asked: Asked = {}) {
  const {
    at = '1.28.15',
    nodesAt = at,
    to = '1.30',
    isTwoStep = false,
    etcd = false,
    reboot,
    ...limits
  } = asked;
  const seen = aCluster().withMembers(2, at).withNodes(1, nodesAt).observation();
  const told = [anEtcdMember('etcd-1', { version: '3.5.35', isLeader: true })];
  const observation = {
    ...seen,
    etcd: anEtcd(1, { members: told }),
    ...(drives === undefined ? {} : { drives }),
    ...limits,
  };
  const { controlPlane: usual } = aSpec();
  const hop = minor(to);
  const controlPlane = {
    ...usual,
    ...(isTwoStep ? { emulation: [{ hop, soakMs: 0 }] } : {}),
    ...(etcd ? { etcd: [{ hop, version: version('3.6.16') }] } : {}),
  };
  const pools = reboot === undefined ? aSpec().pools : [aPool({ reboot })];
  const spec = aSpec({ target: hop, controlPlane, pools });
  const result = planUpgrade({ spec, observation, releases: knownReleases });
  if (result.kind === 'planned') return [];
  return result.blockers.map(blockerText);
}

describe('a plan for a driver that cannot change everything', () => {
  it('is made where it takes no more than the driver can', () => {
    expect(missing(undefined)).toEqual([]);
    expect(missing(['node', 'apiServer', 'controllers', 'restore'])).toEqual([]);
  });

  it('is refused with everything that is missing, each at the first hop that takes it', () => {
    expect(missing([])).toEqual([
      'hop-1.29 apiServer',
      'hop-1.29 controllers',
      'hop-1.29 node',
      'hop-1.29 restore',
    ]);
  });

  it('takes a restore wherever the control plane changes: there is no other way back', () => {
    expect(missing(['node', 'apiServer', 'controllers'])).toEqual(['hop-1.29 restore']);
  });

  it('takes one command for a member that is changed as a whole', () => {
    const asked = { changedAs: 'member' } as const;
    expect(missing(['node', 'member', 'restore'], asked)).toEqual([]);
    expect(missing(['node', 'apiServer', 'controllers'], asked)).toEqual([
      'hop-1.29 member',
      'hop-1.29 restore',
    ]);
  });

  it('of nodes only takes the command for nodes only', () => {
    const asked = { at: '1.29.15', nodesAt: '1.28.15', to: '1.29' };
    expect(missing(['node'], asked)).toEqual([]);
    expect(missing(['restore'], asked)).toEqual(['hop-1.29 node']);
  });

  it('starts no machine again with a driver that does not say that it can', () => {
    const reboot = { when: 'always', timeoutMs: 600_000 } as const;
    const asked = { at: '1.29.15', nodesAt: '1.28.15', to: '1.29', reboot };
    expect(missing(undefined, asked)).toEqual(['hop-1.29 reboot']);
    expect(missing(['node'], asked)).toEqual(['hop-1.29 reboot']);
    expect(missing(['node', 'reboot'], asked)).toEqual([]);
  });

  it('names the driver whose limit it is', () => {
    expect(missing(['node'], { driver: 'kubeadm', to: '1.29' })).toEqual([
      'hop-1.29 apiServer kubeadm',
      'hop-1.29 controllers kubeadm',
      'hop-1.29 restore kubeadm',
    ]);
  });

  it('with a hop in two steps, or another etcd, takes commands for these', () => {
    const drives = ['node', 'apiServer', 'controllers', 'restore'] as const;
    const asked = { at: '1.31.14', to: '1.32' };
    expect(missing(drives, { ...asked, isTwoStep: true, etcd: true })).toEqual([
      'hop-1.32 etcd',
      'hop-1.32 putBack',
    ]);
    expect(
      missing([...drives, 'etcd', 'putBack'], { ...asked, isTwoStep: true, etcd: true }),
    ).toEqual([]);
  });
});
