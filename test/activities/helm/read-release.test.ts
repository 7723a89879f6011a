// The record of a Helm release, as it should be, broken, and hostile.

import { gzipSync } from 'node:zlib';

import { readRelease } from '../../../activities/helm/read-release';
import { helmPayload, helmRelease, oldManifest } from '../../support/helm-records';

const release = helmRelease({ namespace: 'web', name: 'shop', manifest: oldManifest });
const mebibyte = 1024 * 1024;

const read = {
  kind: 'read',
  release: {
    chart: 'shop-1.2.3',
    objects: [
      {
        apiVersion: 'flowcontrol.apiserver.k8s.io/v1beta2',
        kind: 'FlowSchema',
        name: 'shop',
        place: { file: 'shop/templates/flow.yaml', line: 3 },
        volumes: [],
      },
    ],
  },
};

it('has of a manifest what the catalogue knows, and nothing of its values', async () => {
  expect(await readRelease(helmPayload(release))).toEqual(read);
});

it('reads one that is not compressed', async () => {
  const stored = Buffer.from(JSON.stringify(release)).toString('base64');
  expect(await readRelease(stored)).toEqual(read);
});

it.each([
  ['that is not there', { manifest: '' }],
  ['with a name that is none', { manifest: '', chart: { metadata: { name: ' ', version: '1' } } }],
  ['that is something else', { manifest: '', chart: 'shop' }],
])('leaves out a chart %s', async (_, value) => {
  const nothing = { kind: 'read', release: { objects: [] } };
  expect(await readRelease(helmPayload(value))).toEqual(nothing);
});

it('names the manifest where no template is named, and no name that is too long', async () => {
  const manifest = [
    'apiVersion: policy/v1beta1',
    'kind: PodDisruptionBudget',
    `metadata: { name: ${'a'.repeat(254)}, namespace: web }`,
  ].join('\n');
  expect(await readRelease(helmPayload({ manifest }))).toEqual({
    kind: 'read',
    release: {
      objects: [
        {
          apiVersion: 'policy/v1beta1',
          kind: 'PodDisruptionBudget',
          namespace: 'web',
          place: { file: 'manifest', line: 1 },
          volumes: [],
        },
      ],
    },
  });
});

const deep = (depth: number): string =>
  `{"manifest":"[[{{\\"","config":${'['.repeat(depth)}${']'.repeat(depth)}}`;

it.each([
  ['nothing', 'corrupt', ''],
  ['no base64', 'corrupt', '%%%'],
  [
    'gzip that is cut off',
    'corrupt',
    gzipSync('{"manifest":""}').subarray(0, 20).toString('base64'),
  ],
  ['no JSON', 'corrupt', gzipSync('{"manifest":').toString('base64')],
  ['a string that never ends', 'corrupt', gzipSync('{"manifest":"\\').toString('base64')],
  ['JSON without a manifest', 'corrupt', helmPayload({ chart: release.chart })],
  ['a manifest that is no text', 'corrupt', helmPayload({ manifest: { kind: 'Pod' } })],
  ['more than etcd takes', 'too-large', 'A'.repeat(3 * mebibyte)],
  [
    'what inflates to 64 MiB',
    'too-large',
    gzipSync(Buffer.alloc(64 * mebibyte)).toString('base64'),
  ],
  ['a manifest of 5 MiB', 'too-large', helmPayload({ manifest: 'a'.repeat(5 * mebibyte) })],
  ['a thousand lists in each other', 'too-deep', gzipSync(deep(1_000)).toString('base64')],
  ['a manifest that is not YAML', 'manifest-unread', helmPayload({ manifest: 'a: [s3cret' })],
  [
    'a manifest whose aliases repeat it without end',
    'manifest-unread',
    helmPayload({
      manifest: ['a: &a [s, s, s]', 'b: &b [*a, *a, *a]', 'c: &c [*b, *b, *b]']
        .concat(['d: &d [*c, *c, *c]', 'e: &e [*d, *d, *d]', 'f: [*e, *e, *e]'])
        .join('\n'),
    }),
  ],
])('says of %s that it is %s, and no more', async (_, flaw, stored) => {
  expect(await readRelease(stored)).toEqual({ kind: 'unread', flaw });
});

it('reads what is nested as charts are', async () => {
  const stored = gzipSync(deep(50)).toString('base64');
  expect(await readRelease(stored)).toEqual({ kind: 'unread', flaw: 'manifest-unread' });
});
