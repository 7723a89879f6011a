// What the API tells of the options of components, on a real API server.

import { createComponentProbe } from '../../../activities/adapters/component-probe';
import { openKubeConnection } from '../../../activities/adapters/kube-connection';
import type { ConfigMapsObservation, OptionMap } from '../../../domain/component-options';
import { never } from './support/refusals';
import { openKube, type RealKube, startKube } from './support/real-kube';
import { temporaryDirectory } from './support/temporary-directory';

jest.setTimeout(300_000);

const directory = temporaryDirectory();

let real: RealKube;

async function observe(kubeconfig: string): Promise<ConfigMapsObservation> {
  const connection = openKubeConnection(kubeconfig);
  try {
    return await createComponentProbe(connection).observe(never);
  } finally {
    await connection.close();
  }
}

async function make(kind: string, object: object): Promise<void> {
  const answer = await real.call('POST', `/api/v1/namespaces/kube-system/${kind}`, object);
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
}

const pod = (name: string, annotations: object) => ({
  metadata: { name, annotations },
  spec: {
    nodeName: 'cp-1',
    automountServiceAccountToken: false,
    containers: [
      {
        name: 'kube-apiserver',
        image: 'none',
        command: ['kube-apiserver', '--feature-gates=KMSv1=true', '--cloud-config=/s3cret'],
      },
    ],
  },
});

beforeAll(async () => {
  real = await startKube(directory);
  const gates = 'kind: KubeletConfiguration\nfeatureGates: { CSIMigrationRBD: false }';
  await make('configmaps', { metadata: { name: 'kubelet-config' }, data: { kubelet: gates } });
  await make('configmaps', { metadata: { name: 'kube-proxy' }, data: { 'other.conf': 's3cret' } });
  await make('pods', pod('kube-apiserver-cp-1', { 'kubernetes.io/config.mirror': 'hash' }));
  await make('pods', pod('kube-apiserver-of-somebody', {}));
});
afterAll(() => real.close());

it('reads the ConfigMaps that are there, and says which is no good', async () => {
  expect(await observe(real.kubeconfig)).toEqual({
    options: [
      {
        map: 'kubelet-config',
        component: 'kubelet',
        flags: [],
        gates: ['CSIMigrationRBD'],
        plugins: [],
      },
    ],
    unread: [
      {
        map: 'kube-proxy',
        problem: {
          code: 'unexpected',
          message: 'reading ConfigMap kube-system/kube-proxy: it has no config.conf',
        },
      },
    ],
  });
});

it('says one by one what it may not read', async () => {
  const refused = (map: OptionMap) => ({
    map,
    problem: {
      code: 'forbidden',
      message: expect.stringMatching(
        new RegExp(`^reading ConfigMap kube-system/${map}: .*cannot get resource "configmaps"`),
      ) as string,
    },
  });
  expect(await observe(real.strangerKubeconfig)).toEqual({
    options: [],
    unread: [refused('kubeadm-config'), refused('kubelet-config'), refused('kube-proxy')],
  });
});

it('has the command lines of mirror pods among all pods', async () => {
  const kube = openKube(real.kubeconfig);
  try {
    const pods = await kube.listPods(never);
    expect(pods.map(({ ref, options }) => [ref.name, options])).toEqual([
      [
        'kube-apiserver-cp-1',
        {
          component: 'kube-apiserver',
          flags: ['cloud-config', 'feature-gates'],
          gates: ['KMSv1'],
          plugins: [],
        },
      ],
      ['kube-apiserver-of-somebody', undefined],
    ]);
  } finally {
    await kube.close();
  }
});
