import type { LeaseObservation } from '../../domain/observation';
import { version } from '../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';
import { PortError } from '../../activities/ports';

const input = { cluster, hop: { from: version('1.28.15'), to: version('1.29.15') } };
const lease = (component: LeaseObservation['component'], holder: string): LeaseObservation => ({
  component,
  holder,
  renewedSecondsAgo: 1,
  durationSeconds: 15,
});

function healthy(): FakeCluster {
  const fake = new FakeCluster();
  fake.kube.leases = [
    lease('kube-controller-manager', 'cp-1_0b1c'),
    lease('kube-scheduler', 'cp-2_4f1c'),
  ];
  return fake;
}

describe('checkMembers', () => {
  it('looks once at members that are fit', async () => {
    const fake = healthy();
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'checkMembers', input)).toEqual({
      schema: 'ascent.preflight/v1',
      findings: [],
    });
    expect(attempt.heartbeats).toEqual([{ phase: 'the members are fit' }]);
  });

  it('takes no notice of nodes and budgets', async () => {
    const fake = healthy();
    fake.kube.addNode('worker-1', { ready: false });
    expect((await runOnce(fake, 'checkMembers', input)).findings).toEqual([]);
  });

  it('tells what only warns, and does not wait for it', async () => {
    const fake = healthy();
    fake.hosts.addMember('cp-4', '1.28.15');
    const { findings } = await runOnce(fake, 'checkMembers', input);
    expect(findings.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'warns member-count-even',
    ]);
  });

  it('waits for a lease that is handed over', async () => {
    const fake = healthy();
    const { leases } = fake.kube;
    fake.kube.leases = [lease('kube-controller-manager', ''), ...leases.slice(1)];
    fake.clock.after(5_000, () => void (fake.kube.leases = leases));
    const attempt = new FakeAttempt();
    expect((await attempt.run(fake, 'checkMembers', input)).findings).toEqual([]);
    expect(attempt.heartbeats).toContainEqual({ phase: 'nobody holds it' });
  });

  it('gives up after a minute, with the findings', async () => {
    const fake = healthy();
    const startedAtMs = fake.clock.nowMs();
    fake.hosts.silent.add('cp-3 kube-apiserver');
    const { findings } = await runOnce(fake, 'checkMembers', input);
    expect(findings).toEqual([
      {
        code: 'api-server-unobserved',
        severity: 'blocks',
        object: { kind: 'member', name: 'cp-3' },
        message: 'its API server could not be asked: connection refused',
        remedy: 'bring the API server up and within reach of the worker',
        evidence: { problem: 'unreachable' },
      },
    ]);
    expect(fake.clock.nowMs() - startedAtMs).toBe(60_000);
  });

  it('fails when leases cannot be read at all', async () => {
    const fake = healthy();
    fake.kube.listLeaderLeases = () =>
      Promise.reject(new PortError('forbidden', 'listing leases: HTTP 403'));
    expect(await failureOf(runOnce(fake, 'checkMembers', input))).toMatchObject({
      type: 'credentials-refused',
      nonRetryable: true,
    });
  });
});
