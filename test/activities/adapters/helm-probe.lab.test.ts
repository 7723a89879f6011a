// Helm's releases on a real API server: which revision is read, what of it is kept, and what is
// told of records that are no good and of rights that are missing.

import { createHelmProbe, type HelmProbeOptions } from '../../../activities/adapters/helm-probe';
import { openKubeConnection } from '../../../activities/adapters/kube-connection';
import type { HelmReleasesObservation } from '../../../domain/helm-releases';
import { evaluatePreflight } from '../../../domain/preflight/preflight';
import type { KubeVersion } from '../../../domain/versions';
import { aCluster } from '../../support/builders';
import { helmConfigMap, helmPayload, helmSecret, oldManifest } from '../../support/helm-records';
import { never } from './support/refusals';
import { type RealKube, startKube } from './support/real-kube';
import { temporaryDirectory } from './support/temporary-directory';

jest.setTimeout(300_000);

const directory = temporaryDirectory();

let real: RealKube;

async function observe(
  kubeconfig: string,
  options?: HelmProbeOptions,
): Promise<HelmReleasesObservation> {
  const connection = openKubeConnection(kubeconfig);
  try {
    return await createHelmProbe(connection, options).observe(never);
  } finally {
    await connection.close();
  }
}

async function make(path: string, object: object): Promise<void> {
  const answer = await real.call('POST', path, object);
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
}

const web = { namespace: 'web', manifest: oldManifest };

beforeAll(async () => {
  real = await startKube(directory);
  await make('/api/v1/namespaces', { metadata: { name: 'web' } });
  const secrets = '/api/v1/namespaces/web/secrets';
  // The latest that is deployed is neither the first nor the last.
  await make(secrets, helmSecret({ ...web, name: 'shop', revision: 1 }));
  await make(secrets, helmSecret({ ...web, name: 'shop', revision: 2 }));
  await make(secrets, helmSecret({ ...web, name: 'shop', revision: 10, manifest: '' }));
  await make(secrets, helmSecret({ ...web, name: 'shop', revision: 11, status: 'failed' }));
  await make(secrets, helmSecret({ ...web, name: 'old', revision: 4 }));
  await make(secrets, helmSecret({ ...web, name: 'broken' }, 'nonsense'));
  const huge = helmPayload({ manifest: 'a'.repeat(40 * 1024 * 1024) });
  await make(secrets, helmSecret({ ...web, name: 'bomb' }, huge));
  await make(secrets, { ...helmSecret({ ...web, name: 'empty' }), data: {} });
  // Labelled as Helm's, and none of it.
  await make(secrets, { ...helmSecret({ ...web, name: 'opaque' }), type: 'Opaque' });
  await make('/api/v1/namespaces/web/configmaps', helmConfigMap({ ...web, name: 'mapped' }));
});
afterAll(() => real.close());

const object = {
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1beta2',
  kind: 'FlowSchema',
  name: 'shop',
  place: { file: 'shop/templates/flow.yaml', line: 3 },
  volumes: [],
};
const chart = 'shop-1.2.3';
const seen: HelmReleasesObservation = {
  releases: [
    { name: 'web/old', revision: 4, chart, objects: [object] },
    { name: 'web/shop', revision: 10, chart, objects: [] },
    { name: 'web/mapped', revision: 1, chart, objects: [object] },
  ],
  unread: [
    { name: 'web/bomb', revision: 1, flaw: 'too-large' },
    { name: 'web/broken', revision: 1, flaw: 'corrupt' },
    { name: 'web/empty', revision: 1, flaw: 'corrupt' },
  ],
  unlisted: [],
  leftOut: 0,
};

it('has the latest deployed revision of each, and names those that are no good', async () => {
  expect(await observe(real.kubeconfig)).toEqual(seen);
});

it('lets no value of a Secret into findings', async () => {
  const hop = { from: '1.28.15' as KubeVersion, to: '1.29.15' as KubeVersion };
  const helmReleases = await observe(real.kubeconfig);
  const observation = { ...aCluster().observation(), helmReleases };
  const { findings } = evaluatePreflight({ observation, hop });
  const ofHelm = findings.filter(({ object: { kind } }) => kind === 'helm-release');
  expect(ofHelm.map(({ code, object: of }) => [code, 'name' in of ? of.name : ''])).toEqual([
    ['helm-api-removed', 'web/mapped'],
    ['helm-api-removed', 'web/old'],
    ['helm-release-unread', 'web/bomb'],
    ['helm-release-unread', 'web/broken'],
    ['helm-release-unread', 'web/empty'],
  ]);
  expect(JSON.stringify([helmReleases, findings])).not.toContain('s3cret');
});

it('reads no more releases than it is told to, and says how many it left out', async () => {
  const { releases, unread, leftOut } = await observe(real.kubeconfig, { releasesMax: 2 });
  expect([releases, unread, leftOut]).toEqual([
    [seen.releases[2]],
    [seen.unread[0], seen.unread[1]],
    3,
  ]);
});

it('says of each store that it may not read it', async () => {
  const refused = (store: string) => ({
    store,
    problem: {
      code: 'forbidden',
      message: expect.stringMatching(
        new RegExp(`^listing ${store} of Helm: .*cannot list resource "${store}"`),
      ) as string,
    },
  });
  expect(await observe(real.strangerKubeconfig)).toEqual({
    releases: [],
    unread: [],
    unlisted: [refused('secrets'), refused('configmaps')],
    leftOut: 0,
  });
});
