// Members of hops in two steps: into the emulation, out of it, and back to the old programs.

import type { MemberUpgradeInput, PutBackInput } from '../../domain/activity-contract';
import { memberName, minor, version } from '../support/builders';
import { cluster, FakeCluster, failureOf, memberNames, runOnce } from '../support/fake-cluster';

const [old, to] = [version('1.31.4'), version('1.32.5')];
const before = minor('1.31');
const apiServer = {
  cluster,
  member: memberName('cp-1'),
  component: 'kube-apiserver',
  from: old,
  to,
  emulates: before,
} as const satisfies MemberUpgradeInput;
const controllers = { ...apiServer, component: 'controllers' } as const;
const { emulates: _begun, ...plain } = { ...apiServer, from: to };
const switching: MemberUpgradeInput = { ...plain, emulated: before };
const back: PutBackInput = {
  cluster,
  member: memberName('cp-1'),
  component: 'kube-apiserver',
  failed: to,
  emulated: before,
  to: old,
  isServing: true,
};

/** Every API server emulates, every controller is in `controllersAt`. */
function emulating(controllersAt = to): FakeCluster {
  const fake = new FakeCluster();
  for (const name of memberNames) {
    const member = fake.hosts.member(name);
    Object.assign(member.apiServer, { version: to, emulates: before });
    member.controllerManager.version = controllersAt;
    member.scheduler.version = controllersAt;
  }
  return fake;
}

/** All in the old version. */
function aged(): FakeCluster {
  const fake = emulating(old);
  for (const name of memberNames) {
    const { apiServer: server } = fake.hosts.member(name);
    delete server.emulates;
    server.version = old;
  }
  return fake;
}

describe('a member', () => {
  it('begins to emulate with its new programs', async () => {
    const fake = aged();
    expect(await runOnce(fake, 'upgradeControlPlaneMember', apiServer)).toMatchObject({
      before: '1.31.4',
      after: '1.32.5',
      changed: true,
    });
    expect(fake.hosts.driven).toEqual(['cp-1 kube-apiserver 1.32.5 (emulating 1.31)']);
    expect(await runOnce(fake, 'upgradeControlPlaneMember', apiServer)).toMatchObject({
      changed: false,
    });
  });

  it('ends it, one component after the other', async () => {
    const fake = emulating();
    const ended = await runOnce(fake, 'upgradeControlPlaneMember', switching);
    expect(ended).toMatchObject({ before: '1.32.5', after: '1.32.5', changed: true });
    expect(await runOnce(fake, 'upgradeControlPlaneMember', switching)).toMatchObject({
      changed: false,
    });
    expect(fake.hosts.driven).toEqual(['cp-1 kube-apiserver 1.32.5']);
  });

  it('has its controllers driven in any case: they do not tell how they serve', async () => {
    const fake = emulating();
    await runOnce(fake, 'upgradeControlPlaneMember', controllers);
    for (const name of memberNames) delete fake.hosts.member(name).apiServer.emulates;
    await runOnce(fake, 'upgradeControlPlaneMember', { ...switching, component: 'controllers' });
    expect(fake.hosts.driven).toEqual([
      'cp-1 controllers 1.32.5 (emulating 1.31)',
      'cp-1 controllers 1.32.5',
    ]);
  });

  it('is not good while it serves as another minor than it is to', async () => {
    const fake = emulating();
    fake.hosts.obedient = false;
    const run = runOnce(fake, 'upgradeControlPlaneMember', switching, {
      startToCloseTimeoutMs: 100_000,
    });
    expect(await failureOf(run)).toMatchObject({
      type: 'member-not-ready',
      message: expect.stringMatching(
        /^kube-apiserver of cp-1 is not good in 1\.32\.5 .* serves as 1\.31, not as 1\.32$/,
      ),
      details: [
        {
          mismatches: [
            { code: 'component-emulation', member: 'cp-1', expected: '1.32', actual: '1.31' },
          ],
        },
      ],
    });
  });

  it('does not begin again what it has ended', async () => {
    const fake = emulating();
    delete fake.hosts.member('cp-1').apiServer.emulates;
    const run = runOnce(fake, 'upgradeControlPlaneMember', apiServer);
    expect(await failureOf(run)).toMatchObject({
      type: 'member-upgrade-failed',
      message:
        'kube-apiserver of cp-1 runs 1.32.5 and was not changed to 1.32.5 (emulating 1.31):' +
        ' only a rollback takes it back',
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('has no controllers that serve as more than an API server does', async () => {
    const fake = emulating();
    const early = { ...switching, component: 'controllers' } as const;
    expect(await failureOf(runOnce(fake, 'upgradeControlPlaneMember', early))).toMatchObject({
      type: 'member-upgrade-failed',
      message:
        'controllers of cp-1 was not changed to 1.32.5: the API server of cp-1 runs 1.32.5' +
        ' (emulating 1.31), which the skew policy forbids',
    });
  });

  it('emulates again where it does not come up as its own', async () => {
    const fake = emulating();
    const { isServing: _serves, emulated: _was, ...rest } = back;
    const again = { ...rest, to, emulates: before };
    expect(await runOnce(fake, 'putBackMember', again)).toMatchObject({ changed: false });
    fake.hosts.silent.add('cp-1 kube-apiserver');
    expect(await runOnce(fake, 'putBackMember', again)).toMatchObject({ changed: true });
    expect(fake.hosts.driven).toEqual(['cp-1 kube-apiserver back to 1.32.5 (emulating 1.31)']);
  });
});

describe('a member that leaves the emulation', () => {
  it('runs its old programs again, once no controller is newer', async () => {
    const fake = emulating();
    const early = await failureOf(runOnce(fake, 'putBackMember', back));
    expect(early).toMatchObject({
      type: 'member-upgrade-failed',
      message:
        'the API server of cp-1 was not put back to 1.31.4: controllers of cp-1 run 1.32.5,' +
        ' which the skew policy forbids',
    });
    for (const member of memberNames.map(memberName)) {
      await runOnce(fake, 'putBackMember', { ...back, member, component: 'controllers' });
    }
    expect(await runOnce(fake, 'putBackMember', back)).toMatchObject({
      before: '1.32.5',
      after: '1.31.4',
      changed: true,
    });
    expect(await runOnce(fake, 'putBackMember', back)).toMatchObject({ changed: false });
    expect(fake.hosts.driven).toEqual([
      ...memberNames.map((name) => `${name} controllers back to 1.31.4`),
      'cp-1 kube-apiserver back to 1.31.4',
    ]);
  });

  it('waits until the others serve: it does so itself', async () => {
    const fake = emulating(old);
    fake.hosts.silent.add('cp-3 kube-apiserver');
    fake.clock.after(30_000, () => fake.hosts.silent.clear());
    expect(await runOnce(fake, 'putBackMember', back)).toMatchObject({ changed: true });
    expect(fake.clock.nowMs()).toBeGreaterThanOrEqual(30_000);
  });

  it('is left as it is where it serves as its own minor already', async () => {
    const fake = emulating(old);
    delete fake.hosts.member('cp-1').apiServer.emulates;
    expect(await failureOf(runOnce(fake, 'putBackMember', back))).toMatchObject({
      type: 'member-upgrade-failed',
      message:
        'kube-apiserver of cp-1 was not put back to 1.31.4: it serves as 1.32 already, so that' +
        ' only a restore of the snapshot leads back',
    });
    expect(fake.hosts.driven).toEqual([]);
  });
});

it('verifyCluster wants every API server to serve as asked', async () => {
  const fake = emulating();
  const whole = { cluster, controlPlane: to, nodes: [] };
  expect(await runOnce(fake, 'verifyCluster', { ...whole, emulates: before })).toMatchObject({
    passes: 3,
  });
  expect(await failureOf(runOnce(fake, 'verifyCluster', whole))).toMatchObject({
    type: 'verification-failed',
    message: expect.stringContaining('kube-apiserver of cp-1 serves as 1.31, not as 1.32'),
  });
});
