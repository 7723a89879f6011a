import { leadersOf } from '../../activities/control-plane';
import { PortError } from '../../activities/ports';
import type { MemberUpgradeInput } from '../../domain/activity-contract';
import type { LeaseObservation } from '../../domain/observation';
import { memberName, version } from '../support/builders';
import {
  cluster,
  FakeAttempt,
  FakeCluster,
  failureOf,
  memberNames,
  runOnce,
} from '../support/fake-cluster';

const apiServer: MemberUpgradeInput = {
  cluster,
  member: memberName('cp-1'),
  component: 'kube-apiserver',
  from: version('1.28.15'),
  to: version('1.29.15'),
};
const controllers: MemberUpgradeInput = { ...apiServer, component: 'controllers' };

/** All API servers are in 1.29.15, the controllers in 1.28.15. */
function withNewApiServers(): FakeCluster {
  const fake = new FakeCluster();
  for (const name of memberNames) {
    fake.hosts.member(name).apiServer.version = version('1.29.15');
  }
  return fake;
}

describe('findLeaders', () => {
  const members = ['cp-1', 'cp-2', 'lab_cp'].map(memberName);
  const lease = (over: Partial<LeaseObservation> = {}): LeaseObservation => ({
    component: 'kube-scheduler',
    holder: 'cp-2_0b1c',
    renewedSecondsAgo: 2,
    durationSeconds: 15,
    ...over,
  });

  it.each<[string, LeaseObservation[], string | undefined]>([
    ['names the member of the holder', [lease()], 'cp-2'],
    ['reads a hostname with an underscore', [lease({ holder: 'lab_cp_0b1c' })], 'lab_cp'],
    ['knows no leader when nobody holds the lease', [lease({ holder: '' })], undefined],
    ['knows no leader when it was not renewed', [lease({ renewedSecondsAgo: 16 })], undefined],
    ['knows no leader that is no member', [lease({ holder: 'laptop_0b1c' })], undefined],
    ['does not take a longer name for the member', [lease({ holder: 'cp-22_0b1c' })], undefined],
    ['knows no leader without a lease', [], undefined],
  ])('%s', (_name, leases, scheduler) => {
    expect(leadersOf(leases, members)).toEqual({ controllerManager: undefined, scheduler });
  });

  it('reads both leases of the cluster', async () => {
    const fake = new FakeCluster();
    fake.kube.leases = [lease(), lease({ component: 'kube-controller-manager', holder: 'cp-3_1' })];
    expect(await runOnce(fake, 'findLeaders', { cluster })).toEqual({
      controllerManager: 'cp-3',
      scheduler: 'cp-2',
    });
  });
});

describe('upgradeControlPlaneMember', () => {
  it('changes one API server and sees it ready three times', async () => {
    const fake = new FakeCluster();
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'upgradeControlPlaneMember', apiServer)).toEqual({
      before: '1.28.15',
      after: '1.29.15',
      changed: true,
      seconds: 0.4,
    });
    expect(fake.hosts.driven).toEqual(['cp-1 kube-apiserver 1.29.15']);
    expect(attempt.heartbeats.map((beat) => (beat as { phase: string }).phase)).toEqual([
      'changing kube-apiserver',
      'stopping',
      'verifying: good 1 of 3',
      'verifying: good 2 of 3',
      'verifying: good 3 of 3',
    ]);
  });

  it('only verifies the second time', async () => {
    const fake = new FakeCluster();
    await runOnce(fake, 'upgradeControlPlaneMember', apiServer);
    expect(await runOnce(fake, 'upgradeControlPlaneMember', apiServer)).toEqual({
      before: '1.29.15',
      after: '1.29.15',
      changed: false,
      seconds: 0.4,
    });
    expect(fake.hosts.driven).toHaveLength(1);
  });

  it('reports the change of an attempt that died after it', async () => {
    const fake = new FakeCluster();
    const first = new FakeAttempt();
    await first.run(fake, 'upgradeControlPlaneMember', apiServer);
    const heartbeatDetails = first.heartbeats.at(-1);
    const run = runOnce(fake, 'upgradeControlPlaneMember', apiServer, { heartbeatDetails });
    expect(await run).toEqual({ before: '1.28.15', after: '1.29.15', changed: true, seconds: 0.8 });
    expect(fake.hosts.driven).toHaveLength(1);
  });

  it('changes both controllers of a member together', async () => {
    const fake = withNewApiServers();
    expect(await runOnce(fake, 'upgradeControlPlaneMember', controllers)).toMatchObject({
      before: '1.28.15',
      changed: true,
    });
    expect(fake.hosts.driven).toEqual(['cp-1 controllers 1.29.15']);
  });

  it('drives again when only one of the two controllers was changed', async () => {
    const fake = withNewApiServers();
    fake.hosts.member('cp-1').scheduler.version = version('1.29.15');
    expect(await runOnce(fake, 'upgradeControlPlaneMember', controllers)).toMatchObject({
      before: '1.28.15',
      changed: true,
    });
  });

  it('goes on with a member that was left stopped', async () => {
    const fake = new FakeCluster();
    fake.hosts.silent.add('cp-1 kube-apiserver');
    expect(await runOnce(fake, 'upgradeControlPlaneMember', apiServer)).toEqual({
      before: '1.28.15',
      after: '1.29.15',
      changed: true,
      seconds: 0.4,
    });
  });

  it('waits for the other members before it takes one out', async () => {
    const fake = new FakeCluster();
    fake.hosts.silent.add('cp-2 kube-apiserver');
    fake.clock.after(20_000, () => fake.hosts.silent.clear());
    const result = await runOnce(fake, 'upgradeControlPlaneMember', apiServer);
    expect(result).toMatchObject({ changed: true, seconds: 20.4 });
  });

  it('waits until the member is ready', async () => {
    const fake = new FakeCluster();
    fake.hosts.duringDrive = () => {
      fake.hosts.member('cp-1').apiServer.ready = false;
      fake.clock.after(8_000, () => void (fake.hosts.member('cp-1').apiServer.ready = true));
    };
    const result = await runOnce(fake, 'upgradeControlPlaneMember', apiServer);
    expect(result.seconds).toBe(8.4);
  });
});

describe('upgradeControlPlaneMember refuses', () => {
  const refusalOf = (fake: FakeCluster, input: MemberUpgradeInput) =>
    failureOf(runOnce(fake, 'upgradeControlPlaneMember', input));

  it.each<[string, MemberUpgradeInput, string]>([
    [
      'to skip a minor',
      { ...apiServer, to: version('1.30.14') },
      'kube-apiserver of cp-1 runs 1.28.15 and was not changed to 1.30.14:' +
        ' no minor may be skipped',
    ],
    [
      'to take a member back',
      { ...apiServer, to: version('1.28.14') },
      'kube-apiserver of cp-1 runs 1.28.15 and was not changed to 1.28.14:' +
        ' only a rollback takes it back',
    ],
  ])('%s', async (_name, input, message) => {
    const fake = new FakeCluster();
    expect(await refusalOf(fake, input)).toEqual({
      type: 'member-upgrade-failed',
      nonRetryable: true,
      message,
      details: [{ running: '1.28.15', to: input.to }],
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('to skip a minor of a member that does not answer', async () => {
    const fake = new FakeCluster();
    fake.hosts.silent.add('cp-1 kube-apiserver');
    expect(await refusalOf(fake, { ...apiServer, to: version('1.30.14') })).toMatchObject({
      type: 'member-upgrade-failed',
      details: [{ running: '1.28.15', to: '1.30.14' }],
    });
  });

  it('to make a controller newer than an API server', async () => {
    const fake = withNewApiServers();
    fake.hosts.member('cp-3').apiServer.version = version('1.28.15');
    expect(await refusalOf(fake, controllers)).toEqual({
      type: 'member-upgrade-failed',
      nonRetryable: true,
      message:
        'controllers of cp-1 was not changed to 1.29.15:' +
        ' the API server of cp-3 runs 1.28.15, which the skew policy forbids',
      details: [{ apiServer: 'cp-3', runs: '1.28.15', to: '1.29.15' }],
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('to put two API servers more than one minor apart', async () => {
    const fake = withNewApiServers();
    fake.hosts.member('cp-3').apiServer.version = version('1.28.15');
    expect(await refusalOf(fake, { ...apiServer, to: version('1.30.14') })).toMatchObject({
      details: [{ apiServer: 'cp-3', runs: '1.28.15', to: '1.30.14' }],
    });
  });

  it('to take a member out while another one is away', async () => {
    const fake = new FakeCluster();
    fake.hosts.silent.add('cp-2 kube-apiserver');
    fake.hosts.member('cp-3').apiServer.ready = false;
    expect(await refusalOf(fake, apiServer)).toEqual({
      type: 'member-not-ready',
      nonRetryable: true,
      message:
        'cp-1 was not taken out of service:' +
        ' kube-apiserver of cp-2 does not answer (connection refused);' +
        ' kube-apiserver of cp-3 is not ready',
      details: [
        {
          mismatches: [
            {
              code: 'component-unobserved',
              member: 'cp-2',
              component: 'kube-apiserver',
              problem: { code: 'unreachable', message: 'connection refused' },
            },
            {
              code: 'component-not-ready',
              member: 'cp-3',
              component: 'kube-apiserver',
              failingChecks: [],
            },
          ],
        },
      ],
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('a member that is not in the access file', async () => {
    const input = { ...apiServer, member: memberName('cp-9') };
    expect(await refusalOf(new FakeCluster(), input)).toMatchObject({
      type: 'member-upgrade-failed',
      message: 'member cp-9 is not in the access file of cluster lab',
    });
  });
});

describe('upgradeControlPlaneMember fails', () => {
  it('when the member does not become ready', async () => {
    const fake = new FakeCluster();
    fake.hosts.duringDrive = () => {
      const member = fake.hosts.member('cp-1');
      member.apiServer.ready = false;
      member.apiServer.failingChecks = ['etcd'];
    };
    const run = runOnce(fake, 'upgradeControlPlaneMember', apiServer, {
      startToCloseTimeoutMs: 100_000,
    });
    const failure = await failureOf(run);
    expect(failure).toMatchObject({
      type: 'member-not-ready',
      nonRetryable: true,
      message: expect.stringMatching(
        /^kube-apiserver of cp-1 is not good in 1\.29\.15 after (90|89\.\d) s: .*failing: etcd\)$/,
      ),
    });
  });

  it('when the driver claims a change that is not seen', async () => {
    const fake = withNewApiServers();
    fake.hosts.obedient = false;
    expect(await failureOf(runOnce(fake, 'upgradeControlPlaneMember', controllers))).toMatchObject({
      type: 'member-not-ready',
      details: [
        {
          mismatches: [
            { code: 'component-version', component: 'kube-controller-manager' },
            { code: 'component-version', component: 'kube-scheduler' },
          ],
        },
      ],
    });
  });

  it('with what the driver said', async () => {
    const fake = new FakeCluster();
    fake.hosts.driverFailures.push(new PortError('rejected', 'version 1.29.15 is not installed'));
    const run = runOnce(fake, 'upgradeControlPlaneMember', apiServer);
    expect(await failureOf(run)).toEqual({
      type: 'member-upgrade-failed',
      nonRetryable: true,
      message: 'upgrading kube-apiserver of cp-1 to 1.29.15: version 1.29.15 is not installed',
      details: [{ reason: 'rejected' }],
    });
  });
});

describe('putBackMember', () => {
  const input = {
    cluster,
    member: memberName('cp-2'),
    component: 'kube-apiserver',
    failed: version('1.29.15'),
    to: version('1.28.15'),
  } as const;

  it('gives the member its old version, and sees it ready three times', async () => {
    const fake = new FakeCluster();
    fake.hosts.member('cp-1').apiServer.version = version('1.29.15');
    fake.hosts.member('cp-2').apiServer.version = version('1.29.15');
    fake.hosts.silent.add('cp-2 kube-apiserver');
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'putBackMember', input)).toEqual({
      before: '1.29.15',
      after: '1.28.15',
      changed: true,
      seconds: 0.4,
    });
    expect(fake.hosts.driven).toEqual(['cp-2 kube-apiserver back to 1.28.15']);
    expect(attempt.heartbeats.at(-1)).toMatchObject({ phase: 'verifying: good 3 of 3' });
  });

  it.each(['1.28.15', '1.30.14'])('leaves a member alone that answers in %s', async (runs) => {
    const fake = new FakeCluster();
    fake.hosts.member('cp-2').apiServer.version = version(runs);
    fake.hosts.silent.add('cp-3 kube-apiserver');
    expect(await runOnce(fake, 'putBackMember', input)).toEqual({
      before: runs,
      after: runs,
      changed: false,
      seconds: 0,
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('tells the change of an attempt that died after it', async () => {
    const fake = new FakeCluster();
    fake.hosts.silent.add('cp-2 kube-apiserver');
    const first = new FakeAttempt();
    await first.run(fake, 'putBackMember', input);
    const heartbeatDetails = first.heartbeats.at(-1);
    const run = runOnce(fake, 'putBackMember', input, { heartbeatDetails });
    expect(await run).toMatchObject({ before: '1.29.15', after: '1.28.15', changed: true });
    expect(fake.hosts.driven).toHaveLength(1);
  });

  it('does not wait for the other members', async () => {
    const fake = new FakeCluster();
    fake.hosts.silent.add('cp-2 kube-apiserver').add('cp-3 kube-apiserver');
    expect(await runOnce(fake, 'putBackMember', input)).toMatchObject({ changed: true });
  });

  it('takes both controllers back together', async () => {
    const fake = withNewApiServers();
    fake.hosts.member('cp-2').scheduler.version = version('1.29.15');
    fake.hosts.silent.add('cp-2 kube-controller-manager');
    const controllersBack = { ...input, component: 'controllers' } as const;
    expect(await runOnce(fake, 'putBackMember', controllersBack)).toMatchObject({ changed: true });
    expect(fake.hosts.driven).toEqual(['cp-2 controllers back to 1.28.15']);
  });

  it('says that the member does not come up in its old version either', async () => {
    const fake = new FakeCluster();
    fake.hosts.member('cp-2').apiServer.version = version('1.29.15');
    fake.hosts.obedient = false;
    const run = runOnce(fake, 'putBackMember', input, { startToCloseTimeoutMs: 100_000 });
    expect(await failureOf(run)).toMatchObject({
      type: 'member-not-ready',
      message: expect.stringMatching(
        /^kube-apiserver of cp-2 is not good in 1\.28\.15 .* runs 1\.29\.15, not 1\.28\.15$/,
      ),
    });
  });

  it.each([
    ['1.30.14', '1.28.15', ' it would skip a minor'],
    ['1.28.15', '1.29.15', ' that is not back'],
  ])('refuses to go from %s to %s', async (failed, to, why) => {
    const fake = new FakeCluster();
    fake.hosts.silent.add('cp-2 kube-apiserver');
    const wrong = { ...input, failed: version(failed), to: version(to) };
    expect(await failureOf(runOnce(fake, 'putBackMember', wrong))).toMatchObject({
      type: 'member-upgrade-failed',
      message: `kube-apiserver of cp-2 was not put back from ${failed} to ${to}:${why}`,
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('refuses where an API server is too new for the old one beside it', async () => {
    const fake = new FakeCluster();
    fake.hosts.member('cp-1').apiServer.version = version('1.30.14');
    fake.hosts.silent.add('cp-2 kube-apiserver');
    expect(await failureOf(runOnce(fake, 'putBackMember', input))).toMatchObject({
      type: 'member-upgrade-failed',
      details: [{ apiServer: 'cp-1', runs: '1.30.14', to: '1.28.15' }],
    });
  });
});

it('a driver that takes too long is given up: what the member says is the failure', async () => {
  const fake = new FakeCluster();
  fake.hosts.duringDrive = ({ signal }) => {
    fake.hosts.silent.add('cp-1 kube-apiserver');
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  };
  const run = runOnce(fake, 'upgradeControlPlaneMember', apiServer, { startToCloseTimeoutMs: 200 });
  expect(await failureOf(run)).toMatchObject({
    type: 'member-not-ready',
    message: expect.stringContaining('kube-apiserver of cp-1 does not answer'),
  });
});
