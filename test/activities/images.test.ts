// pullImages, with a driver that a test plays.

import type { ImageOrder, PulledImages } from '../../activities/driver-ports';
import type { DriverContext } from '../../activities/driver-context';
import { PortError } from '../../activities/ports';
import type { PullImagesInput } from '../../domain/images-contract';
import { memberName, nodeName, version } from '../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';

const order: ImageOrder = {
  members: [memberName('cp-1')],
  nodes: [nodeName('worker-1'), nodeName('worker-2')],
  to: version('1.29.15'),
  etcd: version('3.5.16'),
  timeoutMs: 600_000,
};
const input: PullImagesInput = { cluster, ...order };
const doing = 'bringing images of 1.29.15 to 3 machines';

type Pull = (order: ImageOrder, context: DriverContext) => Promise<PulledImages>;

function served(pullImages?: Pull) {
  const { ports } = new FakeCluster();
  const { hosts } = new FakeCluster();
  const brings = pullImages === undefined ? {} : { pullImages };
  const controlPlane = Object.assign(Object.create(hosts) as typeof hosts, brings);
  return { ports: { ...ports, controlPlane }, driver: undefined };
}

describe('pullImages', () => {
  it('has the driver bring what the plan says, and beats its phases', async () => {
    const asked: ImageOrder[] = [];
    const attempt = new FakeAttempt();
    const pull: Pull = (wanted, context) => {
      asked.push(wanted);
      context.onPhase('1 of 3 machines have their images');
      return Promise.resolve({ pulled: 4, unknown: [] });
    };
    expect(await attempt.run(served(pull), 'pullImages', input)).toEqual({
      kind: 'present',
      machines: 3,
      pulled: 4,
    });
    expect(asked).toEqual([order]);
    expect(attempt.heartbeats).toContainEqual({ phase: '1 of 3 machines have their images' });
  });

  it('says which could not be known before', async () => {
    const pull: Pull = () => Promise.resolve({ pulled: 0, unknown: ['coredns', 'etcd'] });
    expect(await runOnce(served(pull), 'pullImages', input)).toEqual({
      kind: 'present',
      machines: 3,
      pulled: 0,
      unknown: ['coredns', 'etcd'],
    });
  });

  it('leaves images alone where the driver brings none any more', async () => {
    expect(await runOnce(served(), 'pullImages', input)).toEqual({ kind: 'left' });
  });

  it.each([
    ['rejected', 'image-unavailable', true],
    ['full', 'space-missing', true],
    ['unreachable', 'cluster-unreachable', false],
    ['unexpected', 'image-unavailable', false],
  ] as const)('fails typed where a machine is %s', async (code, type, nonRetryable) => {
    const pull: Pull = () => Promise.reject(new PortError(code, 'worker-1: why'));
    expect(await failureOf(runOnce(served(pull), 'pullImages', input))).toMatchObject({
      type,
      nonRetryable,
      message: `${doing}: worker-1: why`,
    });
  });
});
