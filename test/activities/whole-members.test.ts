// A member of the control plane that is changed as a whole.

import type { MemberUpgradeInput } from '../../domain/activity-contract';
import { memberName, version } from '../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';

const whole: MemberUpgradeInput = {
  cluster,
  member: memberName('cp-1'),
  component: 'member',
  from: version('1.28.15'),
  to: version('1.29.15'),
};

describe('upgradeControlPlaneMember, as a whole', () => {
  it('changes all programs of the member, also while other API servers are older', async () => {
    const fake = new FakeCluster();
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'upgradeControlPlaneMember', whole)).toEqual({
      before: '1.28.15',
      after: '1.29.15',
      changed: true,
      seconds: 0.4,
    });
    expect(fake.hosts.driven).toEqual(['cp-1 member 1.29.15']);
    expect(attempt.heartbeats[0]).toMatchObject({ phase: 'changing member' });
  });

  it('drives again when only its controllers are left', async () => {
    const fake = new FakeCluster();
    fake.hosts.member('cp-1').apiServer.version = version('1.29.15');
    const result = await runOnce(fake, 'upgradeControlPlaneMember', whole);
    expect(result).toMatchObject({ before: '1.28.15', changed: true });
    expect(await runOnce(fake, 'upgradeControlPlaneMember', whole)).toMatchObject({
      before: '1.29.15',
      changed: false,
    });
    expect(fake.hosts.driven).toEqual(['cp-1 member 1.29.15']);
  });

  it('takes none out while another one is away', async () => {
    const fake = new FakeCluster();
    fake.hosts.silent.add('cp-2 kube-apiserver');
    const failure = await failureOf(runOnce(fake, 'upgradeControlPlaneMember', whole));
    expect(failure).toMatchObject({ type: 'member-not-ready' });
    expect(failure['message']).toMatch(/^cp-1 was not taken out of service: /);
    expect(fake.hosts.driven).toEqual([]);
  });

  it('takes none more than a minor away from another API server', async () => {
    const fake = new FakeCluster();
    fake.hosts.member('cp-3').apiServer.version = version('1.27.16');
    expect(await failureOf(runOnce(fake, 'upgradeControlPlaneMember', whole))).toMatchObject({
      type: 'member-upgrade-failed',
      message:
        'member cp-1 was not changed to 1.29.15: the API server of cp-3 runs 1.27.16, which the' +
        ' skew policy forbids',
    });
  });

  it('is not good while one of its controllers is not', async () => {
    const fake = new FakeCluster();
    fake.hosts.silent.add('cp-1 kube-scheduler');
    const failure = await failureOf(runOnce(fake, 'upgradeControlPlaneMember', whole));
    expect(failure).toMatchObject({ type: 'member-not-ready' });
    expect(failure['message']).toMatch(/^member cp-1 is not good in 1\.29\.15 after \d+ s: /);
  });
});

describe('putBackMember, as a whole', () => {
  const back = {
    cluster,
    member: whole.member,
    component: 'member',
    failed: version('1.29.15'),
    to: version('1.28.15'),
  } as const;

  it('gives it all of its old programs', async () => {
    const fake = new FakeCluster();
    await runOnce(fake, 'upgradeControlPlaneMember', whole);
    expect(await runOnce(fake, 'putBackMember', back)).toMatchObject({
      before: '1.29.15',
      after: '1.28.15',
      changed: true,
    });
    expect(fake.hosts.driven).toEqual(['cp-1 member 1.29.15', 'cp-1 member back to 1.28.15']);
  });

  it('leaves one alone that was never taken out', async () => {
    const fake = new FakeCluster();
    expect(await runOnce(fake, 'putBackMember', back)).toMatchObject({ changed: false });
    expect(fake.hosts.driven).toEqual([]);
  });
});
