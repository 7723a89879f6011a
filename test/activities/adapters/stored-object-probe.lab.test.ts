// Who has written objects in versions that the next minor takes away, on a real API server: nobody
// on a new one, and everybody who did, by name.

import { openKubeConnection } from '../../../activities/adapters/kube-connection';
import { createStoredObjectProbe } from '../../../activities/adapters/stored-object-probe';
import { storedFindings } from '../../../domain/preflight/preflight-stored';
import type { StoredObjectsObservation } from '../../../domain/stored-objects';
import type { KubeVersion } from '../../../domain/versions';
import { never } from './support/refusals';
import { type RealKube, startKube } from './support/real-kube';
import { temporaryDirectory } from './support/temporary-directory';

jest.setTimeout(300_000);

const directory = temporaryDirectory();
const otherDirectory = temporaryDirectory();

let real: RealKube;

async function observe(kubeconfig: string): Promise<StoredObjectsObservation> {
  const connection = openKubeConnection(kubeconfig);
  try {
    return await createStoredObjectProbe(connection).observe(never);
  } finally {
    await connection.close();
  }
}

beforeAll(async () => {
  real = await startKube(directory);
  // The catalogue has removals after it: flowcontrol.apiserver.k8s.io/v1beta2 goes with 1.29.
  expect(real.version).toMatch(/^1\.28\./);
});
afterAll(() => real.close());

/** The newest that is supported: the whole of any path is looked at. */
const until = '1.36';
const group = 'flowcontrol.apiserver.k8s.io';
const schemas = (version: string) => `/apis/${group}/${version}/flowschemas`;

async function make(version: string, name: string, annotations = {}): Promise<void> {
  const answer = await real.call('POST', `${schemas(version)}?fieldManager=${name}-manager`, {
    metadata: { name, annotations },
    spec: { priorityLevelConfiguration: { name: 'exempt' } },
  });
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
}

it('finds nobody where only the API server has written', async () => {
  expect(await observe(real.kubeconfig)).toEqual({ until, uses: [], unlisted: [] });
});

it('finds nobody in kinds of which there is no object: metadata of none is null', async () => {
  const other = await startKube(otherDirectory, '1.30');
  try {
    expect(await observe(other.kubeconfig)).toEqual({ until, uses: [], unlisted: [] });
  } finally {
    await other.close();
  }
});

it('asks for nothing deprecated itself: a preflight does not find its own looks', async () => {
  await observe(real.kubeconfig);
  const { body } = await real.call('GET', '/metrics');
  const lines = String(body).split('\n');
  expect(lines.filter((line) => line.startsWith('apiserver_requested_deprecated_apis'))).toEqual(
    [],
  );
});

it('finds who has written, by field manager and by the annotation of kubectl', async () => {
  await make('v1beta2', 'old');
  await make('v1beta3', 'new');
  const applied = JSON.stringify({ apiVersion: `${group}/v1beta2`, kind: 'FlowSchema' });
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': applied };
  await make('v1beta3', 'applied', annotations);
  const use = (version: string) => ({ apiVersion: `${group}/${version}`, kind: 'FlowSchema' });
  const seen = await observe(real.kubeconfig);
  expect(seen).toEqual({
    until,
    uses: [
      { ...use('v1beta2'), object: 'applied', writers: ['last-applied'] },
      { ...use('v1beta3'), object: 'applied', writers: ['applied-manager'] },
      { ...use('v1beta3'), object: 'new', writers: ['new-manager'] },
      { ...use('v1beta2'), object: 'old', writers: ['old-manager'] },
    ],
    unlisted: [],
  });
  const hop = { from: '1.28.15' as KubeVersion, to: '1.29.15' as KubeVersion };
  expect(storedFindings({ observation: { storedObjects: seen }, hop })).toMatchObject([
    { code: 'stored-api-removed', object: { name: `${group}/v1beta2 FlowSchema` } },
  ]);
  const later = { from: '1.31.14' as KubeVersion, to: '1.32.13' as KubeVersion };
  const observation = { storedObjects: seen };
  expect(storedFindings({ observation, hop: later, isAhead: true })).toMatchObject([
    { code: 'stored-api-removed', object: { name: `${group}/v1beta3 FlowSchema` } },
  ]);
});

it('says kind by kind what it may not list', async () => {
  const refused = (resource: string) => ({
    resource: `${resource}.${group}`,
    problem: {
      code: 'forbidden',
      message: expect.stringMatching(
        new RegExp(`^listing ${resource}\\.${group}: .*cannot list resource "${resource}"`),
      ) as string,
    },
  });
  expect(await observe(real.strangerKubeconfig)).toEqual({
    until,
    uses: [],
    unlisted: [refused('flowschemas'), refused('prioritylevelconfigurations')],
  });
});
