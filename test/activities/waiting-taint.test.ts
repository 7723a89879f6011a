import { PortError } from '../../activities/ports';
import { waitingTaintKey } from '../../activities/waiting-taint';
import { cluster, FakeCluster, failureOf, nodeName, runOnce } from '../support/fake-cluster';

/** worker-1 to worker-4; the last carries the taint of an upgrade that died, and another one. */
function aCluster(): FakeCluster {
  const fake = new FakeCluster();
  for (const name of ['worker-1', 'worker-2', 'worker-3']) fake.kube.addNode(name);
  fake.kube.addNode('worker-4', { taintKeys: ['dedicated', waitingTaintKey] });
  return fake;
}

function taintsOf(fake: FakeCluster): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries([...fake.kube.nodes.values()].map((one) => [one.name, one.taintKeys]));
}

const waiting = ['worker-1', 'worker-2', 'gone'].map(nodeName);

describe('taintWaitingNodes', () => {
  it('taints exactly the nodes that wait, whatever was left of before', async () => {
    const fake = aCluster();
    const input = { cluster, waiting };
    expect(await runOnce(fake, 'taintWaitingNodes', input)).toEqual({ placed: 2, removed: 1 });
    expect(taintsOf(fake)).toEqual({
      'worker-1': [waitingTaintKey],
      'worker-2': [waitingTaintKey],
      'worker-3': [],
      'worker-4': ['dedicated'],
    });
  });

  it('changes nothing the second time', async () => {
    const fake = aCluster();
    await runOnce(fake, 'taintWaitingNodes', { cluster, waiting });
    const mutations = [...fake.kube.mutations];
    const again = await runOnce(fake, 'taintWaitingNodes', { cluster, waiting });
    expect(again).toEqual({ placed: 0, removed: 0 });
    expect(fake.kube.mutations).toEqual(mutations);
  });

  it('taints no cordoned node: pods do not go there anyhow', async () => {
    const fake = aCluster();
    fake.kube.addNode('worker-1', { unschedulable: true });
    await runOnce(fake, 'taintWaitingNodes', { cluster, waiting });
    expect(taintsOf(fake)).toMatchObject({ 'worker-1': [], 'worker-2': [waitingTaintKey] });
  });

  it('is tried again as a whole when somebody changed a node in between', async () => {
    const fake = aCluster();
    const error = new PortError('conflict', 'tainting node worker-1: the object was modified');
    fake.kube.failures.push({ method: 'setWaitingTaint', error });
    const failure = await failureOf(runOnce(fake, 'taintWaitingNodes', { cluster, waiting }));
    expect(failure).toMatchObject({ nonRetryable: false });
    await runOnce(fake, 'taintWaitingNodes', { cluster, waiting });
    expect(taintsOf(fake)).toMatchObject({ 'worker-1': [waitingTaintKey], 'worker-3': [] });
  });

  it('loses the taint of a node together with placing its cordon', async () => {
    const fake = aCluster();
    await runOnce(fake, 'taintWaitingNodes', { cluster, waiting });
    const node = nodeName('worker-1');
    await runOnce(fake, 'cordonNode', { cluster, node, reason: 'ascent: hop-1.29' });
    expect(taintsOf(fake)).toMatchObject({ 'worker-1': [], 'worker-2': [waitingTaintKey] });
  });
});
