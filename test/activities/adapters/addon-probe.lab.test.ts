// Add-ons of a real API server: which workloads are kept, with which rights, and what a preflight
// says of them.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { createAddonProbe } from '../../../activities/adapters/addon-probe';
import { openKubeConnection } from '../../../activities/adapters/kube-connection';
import type { AddonsObservation } from '../../../domain/addons';
import { addonFindings } from '../../../domain/preflight/preflight-addons';
import type { KubeVersion } from '../../../domain/versions';
import { never } from './support/refusals';
import { type RealKube, startKube } from './support/real-kube';
import { temporaryDirectory } from './support/temporary-directory';

jest.setTimeout(300_000);

const directory = temporaryDirectory();

let real: RealKube;

async function observe(kubeconfig: string, folder?: string): Promise<AddonsObservation> {
  const connection = openKubeConnection(kubeconfig);
  try {
    const options = folder === undefined ? {} : { folder };
    return await createAddonProbe(connection, options).observe(never);
  } finally {
    await connection.close();
  }
}

interface Made {
  readonly kind: 'daemonsets' | 'deployments' | 'statefulsets';
  readonly name: string;
  readonly images: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

async function make({ kind, name, images, labels = {} }: Made): Promise<void> {
  const own = { app: name };
  const containers = images.map((image, index) => ({ name: `c${index}`, image }));
  const template = { metadata: { labels: own }, spec: { containers } };
  const service = kind === 'statefulsets' ? { serviceName: name } : {};
  const answer = await real.call('POST', `/apis/apps/v1/namespaces/kube-system/${kind}`, {
    metadata: { name, labels },
    spec: { selector: { matchLabels: own }, template, ...service },
  });
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
}

const calico = 'registry.local:5000/calico/node:v3.26.1';
const proxy = 'registry.k8s.io/kube-proxy:v1.28.15';
const flux = 'ghcr.io/fluxcd/source-controller:v1.3.0';

beforeAll(async () => {
  real = await startKube(directory);
  await make({ kind: 'daemonsets', name: 'calico-node', images: [calico, 'example.com/side:v1'] });
  await make({ kind: 'daemonsets', name: 'kube-proxy', images: [proxy] });
  const labels = { 'app.kubernetes.io/version': 'v2.3.0' };
  await make({ kind: 'deployments', name: 'source-controller', images: [flux], labels });
  await make({ kind: 'deployments', name: 'web', images: ['example.com/web:v1'] });
  await make({ kind: 'statefulsets', name: 'db', images: ['example.com/db:v1'] });
});
afterAll(() => real.close());

const seen: AddonsObservation = {
  workloads: [
    { workload: 'DaemonSet kube-system/calico-node', images: [calico] },
    { workload: 'DaemonSet kube-system/kube-proxy', images: [proxy] },
    { workload: 'Deployment kube-system/source-controller', images: [flux], version: 'v2.3.0' },
  ],
  unlisted: [],
};

it('has the workloads of add-ons, and no others', async () => {
  expect(await observe(real.kubeconfig)).toEqual(seen);
});

it('finds what does not go with the minor, and nothing where all does', async () => {
  const addons = await observe(real.kubeconfig);
  const found = (from: string, to: string) =>
    addonFindings({
      observation: { addons },
      hop: { from: from as KubeVersion, to: to as KubeVersion },
    }).map(({ code, severity, object }) => [code, severity, 'name' in object ? object.name : '']);
  expect(found('1.27.16', '1.28.15')).toEqual([]);
  expect(found('1.28.15', '1.29.15')).toEqual([['addon-incompatible', 'warns', 'calico']]);
  expect(found('1.31.14', '1.32.13')).toEqual([
    ['addon-incompatible', 'warns', 'calico'],
    ['addon-incompatible', 'blocks', 'kube-proxy'],
  ]);
});

it('knows what a folder of a user has, as it is at each look', async () => {
  const folder = join(directory, 'addons');
  mkdirSync(folder);
  const web = join(folder, 'web.yaml');
  const lines = [
    'schema: ascent.addon/v1',
    'addon: web',
    'title: Web',
    'images: [example.com/web]',
    "sources: { a: { url: 'https://a.io', date: '2026-11-20' } }",
    'unknown: { why: nobody has tried, source: a }',
  ];
  writeFileSync(web, lines.join('\n'));
  const addons = await observe(real.kubeconfig, folder);
  expect(addons).toEqual({
    workloads: [
      ...seen.workloads,
      { workload: 'Deployment kube-system/web', images: ['example.com/web:v1'] },
    ],
    unlisted: [],
    own: { kind: 'read', addons: [expect.objectContaining({ addon: 'web', file: 'web.yaml' })] },
  });
  const hop = { from: '1.27.16' as KubeVersion, to: '1.28.15' as KubeVersion };
  expect(addonFindings({ observation: { addons }, hop })).toMatchObject([
    { code: 'addon-unknown', object: { name: 'web' }, evidence: { file: 'web.yaml' } },
  ]);

  writeFileSync(web, 'addon: [');
  expect(await observe(real.kubeconfig, folder)).toEqual({
    ...seen,
    own: {
      kind: 'unread',
      problems: [expect.stringMatching(/^web\.yaml:1: not YAML: /) as string],
    },
  });
  expect(await observe(real.kubeconfig, join(directory, 'none'))).toEqual({
    ...seen,
    own: {
      kind: 'unread',
      problems: [`the folder of knowledge ${join(directory, 'none')} cannot be read`],
    },
  });
});

it('says kind by kind what it may not list', async () => {
  const refused = (kind: string) => ({
    kind,
    problem: {
      code: 'forbidden',
      message: expect.stringMatching(
        new RegExp(`^listing ${kind}: .*cannot list resource "${kind}"`),
      ) as string,
    },
  });
  expect(await observe(real.strangerKubeconfig)).toEqual({
    workloads: [],
    unlisted: [refused('daemonsets'), refused('deployments'), refused('statefulsets')],
  });
});
