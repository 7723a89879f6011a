import { nodeNames } from '../../domain/observation';
import { aCluster, nodeName } from '../support/builders';

it('a node is there whether or not its kubelet says its version', () => {
  const cluster = aCluster().withNodes(1);
  expect([...nodeNames(cluster.observation())]).toEqual(['worker-1']);
  const unreportedNodes = [{ name: nodeName('ghost'), reported: '' }];
  expect([...nodeNames(cluster.with({ unreportedNodes }).observation())]).toEqual([
    'worker-1',
    'ghost',
  ]);
});
