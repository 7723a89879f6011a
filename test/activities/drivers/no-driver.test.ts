import type { DriverContext } from '../../../activities/driver-context';
import { createNoDriver } from '../../../activities/drivers/no-driver';
import { memberName, nodeName, version } from '../../support/builders';

const context: DriverContext = {
  signal: new AbortController().signal,
  operationId: 'op-1',
  limitMs: 60_000,
  onPhase: () => undefined,
  log: () => undefined,
};
const to = version('1.29.15');

describe('no driver', () => {
  it('knows the releases that it is told, or none', async () => {
    const told = createNoDriver({ kind: 'none', releases: [to] }).controlPlane;
    expect(await told.availableVersions(context.signal)).toEqual([to]);
    const silent = createNoDriver({ kind: 'none' }).controlPlane;
    expect(await silent.availableVersions(context.signal)).toBeUndefined();
  });

  it('rejects every change', async () => {
    const { controlPlane, nodes } = createNoDriver({ kind: 'none' });
    const member = memberName('cp-1');
    const restore = {
      restoreId: 'r',
      snapshotFile: 'f',
      snapshotRevision: 1,
      version: to,
      etcdVersion: '3.5.21',
    };
    const changes = [
      () => controlPlane.upgrade(member, 'kube-apiserver', { version: to }, context),
      () => controlPlane.putBack(member, 'controllers', { version: to }, context),
      () => controlPlane.changeEtcd(member, to, context),
      () => controlPlane.restore(restore, context),
      () => nodes.upgradeNode(nodeName('worker-1'), to, context),
    ];
    for (const change of changes) {
      await expect(change()).rejects.toMatchObject({
        code: 'rejected',
        message: 'nothing changes the machines of this cluster: it has no driver',
      });
    }
  });
});
