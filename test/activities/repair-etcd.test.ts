import type { MemberName } from '../../domain/names';
import type { EtcdObservation } from '../../domain/observation';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';

const input = { cluster, member: 'cp-3' as MemberName };

const whole = new FakeCluster().etcd.observation;

/** A member that was restored and never started is listed by its id. */
function etcdWithout(...away: readonly string[]): EtcdObservation {
  if (whole.kind === 'unobserved') throw new Error('etcd is observed');
  return {
    ...whole,
    members: whole.members.filter(({ name }) => !away.includes(name)),
    unreachable: away.map((_, index) => ({
      name: `639538861110390664${index}`,
      endpoint: '',
      problem: { code: 'unreachable', message: 'it has not started yet' },
    })),
  };
}

describe('repairEtcdMember', () => {
  it('says why a member that is in the list does not answer', async () => {
    const fake = new FakeCluster();
    const problem = { code: 'timeout', message: 'no answer in 5 s' } as const;
    fake.etcd.observation = {
      ...etcdWithout('cp-3'),
      unreachable: [{ name: 'cp-3', endpoint: 'https://cp-3:2379', problem }],
    } as EtcdObservation;
    expect(await failureOf(runOnce(fake, 'repairEtcdMember', input))).toMatchObject({
      details: [{ mismatches: [{ member: 'cp-3', problem }] }],
    });
  });

  it('has the member removed and added, then sees etcd whole three times', async () => {
    const fake = new FakeCluster();
    fake.etcd.observation = etcdWithout('cp-3');
    fake.hosts.duringDrive = () => {
      fake.etcd.observation = etcdWithout();
    };
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'repairEtcdMember', input)).toEqual({
      changed: true,
      seconds: 0.4,
    });
    expect(fake.hosts.driven).toEqual(['cp-3 etcd repair']);
    expect(attempt.heartbeats.at(-1)).toEqual({ phase: 'verifying: good 3 of 3' });
  });

  it('changes nothing when the member answers with the same data', async () => {
    const fake = new FakeCluster();
    fake.etcd.observation = etcdWithout();
    expect(await runOnce(fake, 'repairEtcdMember', input)).toEqual({ changed: false, seconds: 0 });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('leaves another lost member to its own repair', async () => {
    const fake = new FakeCluster();
    fake.etcd.observation = etcdWithout('cp-2', 'cp-3');
    fake.hosts.duringDrive = () => {
      fake.etcd.observation = etcdWithout('cp-2');
    };
    expect(await runOnce(fake, 'repairEtcdMember', input)).toMatchObject({ changed: true });
  });

  it('fails when the member stays away, or holds other data', async () => {
    const fake = new FakeCluster();
    fake.etcd.observation = { ...etcdWithout('cp-3'), hashesAgree: false } as EtcdObservation;
    expect(await failureOf(runOnce(fake, 'repairEtcdMember', input))).toMatchObject({
      type: 'etcd-repair-failed',
      nonRetryable: true,
      message:
        'etcd of cp-3 was added again, but etcd member cp-3 does not answer (it is not among' +
        ' those that answer); the etcd members do not hold the same data',
      details: [
        {
          mismatches: [
            { code: 'etcd-member-unreachable', member: 'cp-3' },
            { code: 'etcd-hashes-differ' },
          ],
        },
      ],
    });
  });
});
