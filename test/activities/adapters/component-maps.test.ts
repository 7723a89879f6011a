import { readOptionMap } from '../../../activities/adapters/component-maps';

const none = { flags: [], gates: [], plugins: [] };

describe('kubeadm-config', () => {
  const read = (ClusterConfiguration: string) =>
    readOptionMap('kubeadm-config', { ClusterConfiguration });

  it.each([
    {
      form: 'v1beta3',
      args: (pairs: readonly (readonly [string, string])[]) =>
        `{ ${pairs.map(([name, value]) => `${name}: "${value}"`).join(', ')} }`,
    },
    {
      form: 'v1beta4',
      args: (pairs: readonly (readonly [string, string])[]) =>
        `[${pairs.map(([name, value]) => `{ name: ${name}, value: "${value}" }`).join(', ')}]`,
    },
  ])('tells extra arguments of components, in the form of $form', ({ args }) => {
    const text = `
kind: ClusterConfiguration
apiServer:
  extraArgs: ${args([
    ['feature-gates', 'KMSv1=true'],
    ['audit-log-path', '/s3cret'],
    ['enable-admission-plugins', 'SecurityContextDeny'],
  ])}
controllerManager: {}
scheduler:
  extraArgs: ${args([['v', '2']])}
etcd:
  local:
    extraArgs: ${args([['experimental-initial-corrupt-check', 'true']])}
networking: { dnsDomain: cluster.local }
`;
    expect(read(text)).toEqual({
      kind: 'read',
      options: [
        {
          component: 'kube-apiserver',
          flags: ['audit-log-path', 'enable-admission-plugins', 'feature-gates'],
          gates: ['KMSv1'],
          plugins: ['SecurityContextDeny'],
        },
        { ...none, component: 'kube-scheduler', flags: ['v'] },
        { ...none, component: 'etcd', flags: ['experimental-initial-corrupt-check'] },
      ],
    });
  });

  it('tells nothing where nothing is extra, whatever stands in the place of arguments', () => {
    expect(read('{ kind: ClusterConfiguration }')).toEqual({ kind: 'read', options: [] });
    const odd =
      '{ kind: ClusterConfiguration, apiServer: 1, etcd: [], scheduler: { extraArgs: x } }';
    expect(read(odd)).toEqual({ kind: 'read', options: [] });
    const pairs = '{ kind: ClusterConfiguration, apiServer: { extraArgs: [1, { value: x }] } }';
    const options = [{ ...none, component: 'kube-apiserver' }];
    expect(read(pairs)).toEqual({ kind: 'read', options });
  });

  it.each([
    { what: 'no such key', data: {}, why: 'it has no ClusterConfiguration' },
    { what: 'no data', data: undefined, why: 'it has no ClusterConfiguration' },
    {
      what: 'another kind',
      data: { ClusterConfiguration: 'kind: InitConfiguration' },
      why: 'its ClusterConfiguration is no ClusterConfiguration',
    },
    {
      what: 'no YAML',
      data: { ClusterConfiguration: 'kind: [s3cret' },
      why: 'its ClusterConfiguration is no ClusterConfiguration',
    },
    {
      what: 'a list',
      data: { ClusterConfiguration: '[]' },
      why: 'its ClusterConfiguration is no ClusterConfiguration',
    },
    {
      what: 'levels without end',
      data: { ClusterConfiguration: '['.repeat(20_000) },
      why: 'its ClusterConfiguration is no ClusterConfiguration',
    },
    {
      what: 'a bomb of aliases',
      data: {
        ClusterConfiguration: `a: &a [x]\nkind: ClusterConfiguration\nb: [${'*a,'.repeat(200)}]`,
      },
      why: 'its ClusterConfiguration is no ClusterConfiguration',
    },
    {
      what: 'too much',
      data: { ClusterConfiguration: `kind: ClusterConfiguration\n#${'x'.repeat(256 * 1024)}` },
      why: 'its ClusterConfiguration is longer than 256 KiB',
    },
  ])('that has $what is not read, and nothing of it repeated', ({ data, why }) => {
    expect(readOptionMap('kubeadm-config', data)).toEqual({ kind: 'unread', why });
  });
});

it.each([
  {
    map: 'kubelet-config',
    data: { kubelet: 'kind: KubeletConfiguration\nfeatureGates: { B: true, A: false }' },
    options: [{ ...none, component: 'kubelet', gates: ['A', 'B'] }],
  },
  {
    map: 'kube-proxy',
    data: { 'config.conf': 'kind: KubeProxyConfiguration\nfeatureGates: { A: true }' },
    options: [{ ...none, component: 'kube-proxy', gates: ['A'] }],
  },
  {
    map: 'kube-proxy',
    data: { 'config.conf': 'kind: KubeProxyConfiguration\nfeatureGates: null' },
    options: [{ ...none, component: 'kube-proxy' }],
  },
  {
    map: 'kubelet-config',
    data: {
      kubelet:
        'kind: KubeletConfiguration\nrunOnce: true\neventRecordQPS: 0\nclusterDNS: [10.0.0.1]\n' +
        'staticPodURL: https://user:s3cret@a.io',
    },
    options: [{ ...none, component: 'kubelet', values: { runOnce: 'true', eventRecordQPS: '0' } }],
  },
  {
    map: 'kube-proxy',
    data: { 'config.conf': 'kind: KubeProxyConfiguration\nmode: { of: ipvs }' },
    options: [{ ...none, component: 'kube-proxy' }],
  },
] as const)('$map tells feature gates, and fields that are asked for', ({ map, data, options }) => {
  expect(readOptionMap(map, data)).toEqual({ kind: 'read', options });
});
