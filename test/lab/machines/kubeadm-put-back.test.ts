// A member of a real kubeadm cluster is put back while the step that takes it forward is alive.

import { openServedCluster } from '../../../activities/adapters/open-cluster';
import type { DriverContext } from '../../../activities/driver-context';
import type { MemberName } from '../../../domain/names';
import { offerRelease } from '../../../lab/machines/offer-release';
import { version } from '../../support/builders';
import { KubeadmMachines } from '../../support/kubeadm-machines';
import { untilTrue } from '../../support/lab-until';
import { refusalOf } from '../../activities/adapters/support/refusals';
import { aContext, type Heard } from '../../activities/drivers/support/programs';

jest.setTimeout(900_000);

const from = version('1.28.15');
const to = version('1.29.15');
const member = 'cp-1' as MemberName;
const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

describe('a member whose step was given up', () => {
  let machines: KubeadmMachines;

  const images = async () => {
    const template = 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\\n"}{end}';
    const selected = ['get', 'pods', '-n', 'kube-system', '-l', 'tier=control-plane'];
    const listed = await machines.kubectl(...selected, '-o', template);
    return listed.trim().split('\n').toSorted();
  };
  const configured = async () => {
    const selected = ['get', 'configmap/kubeadm-config', '-n', 'kube-system'];
    const text = await machines.kubectl(...selected, '-o', 'jsonpath={.data.ClusterConfiguration}');
    return /^kubernetesVersion: (.*)$/m.exec(text)?.[1];
  };

  beforeAll(async () => {
    machines = await KubeadmMachines.up({ name: 'put-back', controlPlanes: 1, workers: 0 });
    await offerRelease(machines.lab.context, to);
  });

  afterAll(() => machines?.down());

  it('is put back while that step is alive, which ends', async () => {
    const ports = openServedCluster(machines.lab.access);
    const given = new AbortController();
    const heard = (operationId: string, signal: AbortSignal): Heard & DriverContext => ({
      ...aContext(),
      operationId,
      signal,
      limitMs: 600_000,
    });
    const upgrading = heard('path-upgrade', given.signal);
    const work = ports.controlPlane.upgrade(member, 'member', { version: to }, upgrading);
    const isFollowed = refusalOf(work).catch(() => undefined);
    await untilTrue('kubeadm has begun with the second component', () =>
      Promise.resolve(upgrading.phases.includes('changing kube-controller-manager')),
    );
    given.abort(new Error('given up'));
    await isFollowed;
    const back = heard('path-back', new AbortController().signal);
    await ports.controlPlane.putBack(member, 'member', { version: from }, back);
    await ports.close();
    expect(await images()).toEqual(
      [...components.map((name) => `${name}:v${from}`), 'etcd:3.5.15-0']
        .map((name) => `registry.k8s.io/${name}`)
        .toSorted(),
    );
    expect(await configured()).toBe(`v${from}`);
    const ended = await machines.sh('cp-1', 'cat /var/lib/ascent/operations/path-upgrade/exit');
    expect(ended).toBe('143\n');
  });
});
