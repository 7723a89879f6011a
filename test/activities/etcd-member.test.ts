import { PortError } from '../../activities/ports';
import type { EtcdPutBackInput, EtcdUpgradeInput } from '../../domain/etcd-contract';
import type { EtcdObservation } from '../../domain/observation';
import { memberName, version } from '../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';

const [from, to] = [version('3.5.35'), version('3.6.16')];
const upgrade: EtcdUpgradeInput = { cluster, member: memberName('cp-2'), from, to };
const putBack: EtcdPutBackInput = { cluster, member: memberName('cp-2'), failed: to, to: from };
const silent: Extract<EtcdObservation, { kind: 'unobserved' }> = {
  kind: 'unobserved',
  problem: { code: 'unreachable', message: 'connection refused' },
};

/** Three members in 3.5.35 that move to 3.6 together once all of them run it; cp-1 leads. */
function aFake(): FakeCluster {
  const fake = new FakeCluster();
  const { etcd, hosts } = fake;
  etcd.changeMembers(() => ({ version: from, clusterVersion: '3.5.0' }));
  hosts.onEtcd = (member, at) => {
    answers(fake, member, true);
    etcd.changeMembers(({ name }) => (name === member ? { version: at } : {}));
  };
  return fake;
}

/** Whether the member answers. */
function answers({ etcd }: FakeCluster, name: string, isThere: boolean): void {
  const { observation } = etcd;
  if (observation.kind === 'unobserved') return;
  const { members, unreachable } = observation;
  const away = { name, endpoint: `https://${name}:2379`, problem: silent.problem };
  const [known = members[0]] = members.filter((one) => one.name === name);
  const others = members.filter((one) => one.name !== name);
  if (known === undefined) return;
  etcd.observation = {
    ...observation,
    members: isThere ? [...others, { ...known, name, isLeader: false }] : others,
    unreachable: isThere ? unreachable.filter((one) => one.name !== name) : [away],
  };
}

describe('findEtcdLeader', () => {
  it('names the member that leads, if it is one', async () => {
    const fake = aFake();

    expect(await runOnce(fake, 'findEtcdLeader', { cluster })).toEqual({ leader: 'cp-1' });
    fake.etcd.changeMembers(() => ({ isLeader: true }));
    expect(await runOnce(fake, 'findEtcdLeader', { cluster })).toEqual({});
    fake.etcd.changeMembers(() => ({ isLeader: false }));
    expect(await runOnce(fake, 'findEtcdLeader', { cluster })).toEqual({});
  });

  it('is asked again while etcd does not answer', async () => {
    const fake = aFake();
    fake.etcd.observation = silent;

    await expect(runOnce(fake, 'findEtcdLeader', { cluster })).rejects.toThrow(
      'connection refused',
    );
  });
});

describe('upgradeEtcdMember', () => {
  it('changes one member and sees it good three times', async () => {
    const fake = aFake();
    const attempt = new FakeAttempt();

    expect(await attempt.run(fake, 'upgradeEtcdMember', upgrade)).toEqual({
      before: '3.5.35',
      after: '3.6.16',
      changed: true,
      seconds: 0.4,
    });
    expect(fake.hosts.driven).toEqual(['cp-2 etcd 3.6.16']);
    expect(fake.etcd.moves).toEqual([]);
    expect(attempt.heartbeats.map((beat) => (beat as { phase: string }).phase)).toEqual([
      'looking at the other members',
      'changing etcd',
      'stopping',
      'verifying: good 1 of 3',
      'verifying: good 2 of 3',
      'verifying: good 3 of 3',
    ]);
  });

  it('only verifies the second time', async () => {
    const fake = aFake();
    await runOnce(fake, 'upgradeEtcdMember', upgrade);

    expect(await runOnce(fake, 'upgradeEtcdMember', upgrade)).toMatchObject({
      before: '3.6.16',
      changed: false,
    });
    expect(fake.hosts.driven).toHaveLength(1);
  });

  it('reports the change of an attempt that died after it', async () => {
    const fake = aFake();
    const first = new FakeAttempt();
    await first.run(fake, 'upgradeEtcdMember', upgrade);
    const heartbeatDetails = first.heartbeats.at(-1);
    const again = runOnce(fake, 'upgradeEtcdMember', upgrade, { heartbeatDetails });

    expect(await again).toMatchObject({ before: '3.5.35', after: '3.6.16', changed: true });
    expect(fake.hosts.driven).toHaveLength(1);
  });

  it.each([
    { when: 'to one that is done', done: 'cp-3', moves: ['cp-1 to cp-3'] },
    { when: 'to another one when none is', done: '', moves: ['cp-1 to cp-2'] },
  ])('moves the leadership of the leader first, $when', async ({ done, moves }) => {
    const fake = aFake();
    fake.etcd.changeMembers(({ name }) => (name === done ? { version: to } : {}));
    await runOnce(fake, 'upgradeEtcdMember', { ...upgrade, member: memberName('cp-1') });

    expect(fake.etcd.moves).toEqual(moves);
  });

  it('moves nothing where nobody else could lead', async () => {
    const fake = aFake();
    const { observation } = fake.etcd;
    if (observation.kind === 'unobserved') throw new Error('unobserved');
    const members = observation.members.slice(0, 1);
    fake.etcd.observation = { ...observation, memberCount: 1, members };
    const only = { ...upgrade, member: memberName('cp-1') };
    fake.hosts.onEtcd = (_, at) => fake.etcd.changeMembers(() => ({ version: at }));

    expect(await runOnce(fake, 'upgradeEtcdMember', only)).toMatchObject({ changed: true });
    expect(fake.etcd.moves).toEqual([]);
  });

  it.each([
    ['3.6.17', 'only a rollback takes it back'],
    ['3.4.30', 'no minor may be skipped'],
  ])('leaves a member of %s as it is: %s', async (at, why) => {
    const fake = aFake();
    fake.etcd.changeMembers(() => ({ version: at }));

    expect(await failureOf(runOnce(fake, 'upgradeEtcdMember', upgrade))).toMatchObject({
      type: 'member-upgrade-failed',
      message: `etcd of cp-2 runs ${at} and was not changed to 3.6.16: ${why}`,
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('stops no member while another one does not answer', async () => {
    const fake = aFake();
    answers(fake, 'cp-3', false);

    expect(await failureOf(runOnce(fake, 'upgradeEtcdMember', upgrade))).toMatchObject({
      type: 'member-not-ready',
      message:
        'etcd of cp-2 was not stopped: etcd member cp-3 does not answer (connection refused)',
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('goes on with a member that was stopped half-way', async () => {
    const fake = aFake();
    answers(fake, 'cp-2', false);

    expect(await runOnce(fake, 'upgradeEtcdMember', upgrade)).toMatchObject({
      before: '3.5.35',
      changed: true,
    });
  });

  it('tells what a member says that does not come to its version', async () => {
    const fake = aFake();
    fake.hosts.obedient = false;

    expect(await failureOf(runOnce(fake, 'upgradeEtcdMember', upgrade))).toMatchObject({
      type: 'member-not-ready',
      message: expect.stringMatching(/^etcd of cp-2 is not good in 3\.6\.16 after \d+ s: etcd of/),
      details: [
        {
          mismatches: [
            { code: 'etcd-version', member: 'cp-2', expected: '3.6.16', actual: '3.5.35' },
          ],
        },
      ],
    });
  });

  it('tells that the data differs, and that nobody leads', async () => {
    const fake = aFake();
    fake.hosts.onEtcd = () => {
      fake.etcd.changeMembers(({ name }) => ({
        isLeader: false,
        ...(name === 'cp-2' && { version: to }),
      }));
      if (fake.etcd.observation.kind === 'unobserved') return;
      fake.etcd.observation = { ...fake.etcd.observation, hashesAgree: false };
    };

    expect(await failureOf(runOnce(fake, 'upgradeEtcdMember', upgrade))).toMatchObject({
      message: expect.stringContaining(
        'etcd has no leader that all agree on; the etcd members do not hold the same data',
      ),
    });
  });

  it('tells that a member is in no list, and that etcd is silent', async () => {
    const strange = { ...upgrade, member: memberName('cp-9') };
    const fake = aFake();
    const { onEtcd } = fake.hosts;
    fake.hosts.onEtcd = () => undefined;

    expect(await failureOf(runOnce(fake, 'upgradeEtcdMember', strange))).toMatchObject({
      message: expect.stringContaining('etcd member cp-9 does not answer (it is not in the list'),
    });
    fake.hosts.onEtcd = (member, at) => {
      onEtcd(member, at);
      fake.etcd.observation = silent;
    };
    expect(await failureOf(runOnce(fake, 'upgradeEtcdMember', upgrade))).toMatchObject({
      message: expect.stringContaining('etcd does not answer (connection refused)'),
    });
  });

  it('passes on why the driver could not', async () => {
    const fake = aFake();
    fake.hosts.driverFailures.push(new PortError('rejected', 'etcd 3.6.16 is not installed'));

    expect(await failureOf(runOnce(fake, 'upgradeEtcdMember', upgrade))).toMatchObject({
      type: 'member-upgrade-failed',
      message: expect.stringContaining('etcd 3.6.16 is not installed'),
    });
  });
});

describe('putBackEtcdMember', () => {
  it('gives a member that does not answer its old programs', async () => {
    const fake = aFake();
    answers(fake, 'cp-2', false);

    expect(await runOnce(fake, 'putBackEtcdMember', putBack)).toMatchObject({
      before: '3.6.16',
      after: '3.5.35',
      changed: true,
    });
    expect(fake.hosts.driven).toEqual(['cp-2 etcd 3.5.35']);
  });

  it('leaves a member alone that was never stopped', async () => {
    const fake = aFake();

    expect(await runOnce(fake, 'putBackEtcdMember', putBack)).toEqual({
      before: '3.5.35',
      after: '3.5.35',
      changed: false,
      seconds: 0,
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('is not done once all of etcd has moved to the minor', async () => {
    const fake = aFake();
    fake.etcd.changeMembers(() => ({ version: to, clusterVersion: '3.6.0' }));
    answers(fake, 'cp-2', false);

    expect(await failureOf(runOnce(fake, 'putBackEtcdMember', putBack))).toMatchObject({
      type: 'member-upgrade-failed',
      message:
        'etcd of cp-2 was not put back from 3.6.16 to 3.5.35:' +
        ' all of etcd has moved to 3.6.0, which 3.5.35 does not start on',
      details: [{ failed: '3.6.16', to: '3.5.35' }],
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('is not done while no member tells whether all of etcd has moved', async () => {
    const fake = aFake();
    fake.etcd.observation = silent;

    expect(await failureOf(runOnce(fake, 'putBackEtcdMember', putBack))).toMatchObject({
      message: expect.stringContaining('no member tells whether all of etcd has moved'),
    });
  });

  it.each([
    ['the others say that it has not', { version: to, clusterVersion: '3.5.0' }],
    ['another one runs the old minor', { version: from, clusterVersion: undefined as never }],
  ])('is done after the last member as well, when %s', async (_, others) => {
    const fake = aFake();
    fake.etcd.changeMembers(() => others);
    answers(fake, 'cp-2', false);

    expect(await runOnce(fake, 'putBackEtcdMember', putBack)).toMatchObject({ changed: true });
  });

  it('asks nobody about a patch, which changes no data', async () => {
    const patch = { ...putBack, failed: version('3.5.36') };
    const fake = aFake();
    const seen = fake.etcd.observation;
    fake.etcd.observation = silent;
    fake.hosts.onEtcd = () => (fake.etcd.observation = seen);

    expect(await runOnce(fake, 'putBackEtcdMember', patch)).toMatchObject({ changed: true });
  });
});
