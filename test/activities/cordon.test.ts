import { cordonedAtAnnotation, cordonReasonAnnotation } from '../../activities/cordon-mark';
import { PortError } from '../../activities/ports';
import { cluster, FakeCluster, failureOf, nodeName, runOnce } from '../support/fake-cluster';

const node = nodeName('worker-1');
const reason = 'ascent: hop-1.29, to 1.29.15';
const input = { cluster, node, reason };

function aCluster(over: { unschedulable?: boolean } = {}): FakeCluster {
  const fake = new FakeCluster();
  fake.kube.addNode('worker-1', { annotations: { keep: 'me' }, ...over });
  return fake;
}

describe('cordonNode', () => {
  it('cordons with a reason, once', async () => {
    const fake = aCluster();
    expect(await runOnce(fake, 'cordonNode', input)).toEqual({ cordon: 'placed' });
    expect(await runOnce(fake, 'cordonNode', input)).toEqual({ cordon: 'already-ours', reason });
    expect(fake.kube.mutations).toEqual(['cordon worker-1']);
    expect(fake.kube.nodes.get('worker-1')).toMatchObject({
      unschedulable: true,
      annotations: {
        keep: 'me',
        [cordonReasonAnnotation]: reason,
        [cordonedAtAnnotation]: '2026-01-01T00:00:00.000Z',
      },
    });
  });

  it('keeps the words of a cordon of ours, but for those that give way', async () => {
    const fake = aCluster();
    await runOnce(fake, 'cordonNode', input);
    const aside = { ...input, reason: 'ascent: quarantined by ada: broken' };
    expect(await runOnce(fake, 'cordonNode', aside)).toEqual({ cordon: 'already-ours', reason });
    const over = { ...aside, over: ['upgrade'] as const };
    expect(await runOnce(fake, 'cordonNode', over)).toEqual({ cordon: 'placed' });
    expect(await runOnce(fake, 'cordonNode', over)).toEqual({
      cordon: 'already-ours',
      reason: aside.reason,
    });
    expect(fake.kube.nodes.get('worker-1')?.annotations[cordonReasonAnnotation]).toBe(aside.reason);
  });

  it('leaves the cordon of somebody else as it is', async () => {
    const fake = aCluster({ unschedulable: true });
    expect(await runOnce(fake, 'cordonNode', input)).toEqual({ cordon: 'foreign' });
    expect(fake.kube.mutations).toEqual([]);
  });

  it('places a cordon where only our old annotation was left', async () => {
    const fake = new FakeCluster();
    fake.kube.addNode('worker-1', { annotations: { [cordonReasonAnnotation]: 'long ago' } });
    expect(await runOnce(fake, 'cordonNode', input)).toEqual({ cordon: 'placed' });
  });

  it('says that the node is missing', async () => {
    const run = runOnce(new FakeCluster(), 'cordonNode', input);
    expect(await failureOf(run)).toEqual({
      type: 'node-missing',
      nonRetryable: true,
      message: 'node worker-1 does not exist, so it cannot be cordoned',
      details: [],
    });
  });

  it('is tried again when somebody else changed the node in between', async () => {
    const fake = aCluster();
    const error = new PortError('conflict', 'patching node worker-1: changed in between');
    fake.kube.failures.push({ method: 'setCordon', error });
    expect(await failureOf(runOnce(fake, 'cordonNode', input))).toEqual({
      type: 'unexpected',
      nonRetryable: false,
      message: 'cordoning node worker-1: patching node worker-1: changed in between',
      details: [{ reason: 'conflict' }],
    });
    expect(await runOnce(fake, 'cordonNode', input)).toEqual({ cordon: 'placed' });
  });
});

describe('uncordonNode', () => {
  it('undoes our cordon, once', async () => {
    const fake = aCluster();
    await runOnce(fake, 'cordonNode', input);
    expect(await runOnce(fake, 'uncordonNode', input)).toEqual({ uncordon: 'removed', reason });
    expect(await runOnce(fake, 'uncordonNode', input)).toEqual({ uncordon: 'not-cordoned' });
    expect(fake.kube.mutations).toEqual(['cordon worker-1', 'uncordon worker-1']);
    expect(fake.kube.nodes.get('worker-1')).toMatchObject({
      unschedulable: false,
      annotations: { keep: 'me' },
    });
  });

  it('leaves the cordon of somebody else, and is done with a missing node', async () => {
    const fake = aCluster({ unschedulable: true });
    expect(await runOnce(fake, 'uncordonNode', input)).toEqual({ uncordon: 'left-foreign' });
    expect(await runOnce(fake, 'uncordonNode', { cluster, node: nodeName('gone') })).toEqual({
      uncordon: 'node-missing',
    });
    expect(fake.kube.mutations).toEqual([]);
  });

  it('leaves what is not to be undone: without being told, the drain of a person', async () => {
    const fake = aCluster();
    const drained = { ...input, reason: 'ascent: drained by ada: new memory' };
    await runOnce(fake, 'cordonNode', drained);
    const left = { uncordon: 'left-ours', reason: drained.reason };
    expect(await runOnce(fake, 'uncordonNode', input)).toEqual(left);
    const others = { ...input, undoes: ['upgrade', 'quarantine'] as const };
    expect(await runOnce(fake, 'uncordonNode', others)).toEqual(left);
    expect(fake.kube.mutations).toEqual(['cordon worker-1']);
    const drains = { ...input, undoes: ['drain'] as const };
    expect(await runOnce(fake, 'uncordonNode', drains)).toEqual({ ...left, uncordon: 'removed' });
  });
});
