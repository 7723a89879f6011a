// An API server on what was restored of a real etcd: what it reads, and what it refuses.

import { execFileSync, spawn } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { createEtcdApi } from '../../../activities/adapters/etcd-api';
import { createSnapshotVerifier } from '../../../activities/adapters/etcd-snapshot-verifier';
import type { RestoreNeed, ServeOrder } from '../../../activities/snapshot-ports';
import type { ServeOutcome } from '../../../domain/snapshots/served';
import { installedBinaries } from '../../../lab/binaries';
import { eventually } from '../../../lab/waiting';
import { version } from '../../support/builders';
import { type RealEtcd, startEtcd } from './support/real-etcd';
import { never } from './support/refusals';
import { temporaryDirectory } from './support/temporary-directory';

jest.setTimeout(180_000);

const directory = temporaryDirectory();
const aesKey = randomBytes(32);

/** As an API server keeps a Secret with the provider aesgcm: bound to its key in etcd. */
function encrypted(key: string, plain: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', aesKey, nonce);
  cipher.setAAD(Buffer.from(key));
  const content = [nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat([Buffer.from('k8s:enc:aesgcm:v1:key1:'), ...content]);
}

function encryptionNeed(provider: object): RestoreNeed {
  const config = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [{ resources: ['secrets'], providers: [provider, { identity: {} }] }],
  };
  return {
    kind: 'encryption-config',
    name: 'encryption.yaml',
    content: Buffer.from(JSON.stringify(config)),
  };
}

function aesgcm(secret: Buffer): RestoreNeed {
  return encryptionNeed({
    aesgcm: { keys: [{ name: 'key1', secret: secret.toString('base64') }] },
  });
}

function object(apiVersion: string, kind: string, name: string, more: object = {}): string {
  const metadata = { name, uid: `uid-${name}`, creationTimestamp: '2026-11-21T04:00:00Z' };
  return JSON.stringify({ apiVersion, kind, metadata, ...more });
}

/** Processes with a scratch directory among their arguments. */
function scratchProcesses(): readonly string[] {
  const listed = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' });
  return listed.split('\n').filter((line) => line.includes(`${directory}/.ascent-verify-`));
}

function leftovers(): readonly string[] {
  return readdirSync(directory).filter((name) => name.startsWith('.ascent-verify-'));
}

describe('a snapshot that an API server reads', () => {
  let etcd: RealEtcd;
  let apiServers: Readonly<Record<string, string>>;
  let taken = 0;

  const taking = async (): Promise<{ readonly file: string; readonly revision: number }> => {
    taken += 1;
    const file = path.join(directory, `snapshot-${taken}.db`);
    const api = createEtcdApi({ access: etcd.access, etcdutl: etcd.etcdutl });
    const { revision } = await api.snapshot(file, () => undefined, never);
    return { file, revision };
  };

  const served = async (
    order: Partial<ServeOrder> = {},
    binaries = apiServers,
  ): Promise<ServeOutcome | undefined> => {
    const { file, revision } = await taking();
    const verifier = createSnapshotVerifier({
      etcd: etcd.etcd,
      etcdutl: etcd.etcdutl,
      dataParent: directory,
      apiServers: binaries,
    });
    const whole = { version: version('1.28.15'), ...order };
    return (await verifier.verify(file, revision, never, whole)).served;
  };

  beforeAll(async () => {
    etcd = await startEtcd(directory, 1);
    apiServers = await (await installedBinaries()).apiServers();
    for (const name of ['default', 'kube-system', 'shop']) {
      await etcd.put(`/registry/namespaces/${name}`, object('v1', 'Namespace', name));
    }
    for (const name of ['worker-1', 'worker-2']) {
      await etcd.put(`/registry/minions/${name}`, object('v1', 'Node', name));
    }
    const hook = {
      name: 'hook.example.com',
      clientConfig: { url: 'https://127.0.0.1:1/' },
      rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }],
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      failurePolicy: 'Fail',
    };
    const hooks = object('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'h', {
      webhooks: [hook],
    });
    await etcd.put('/registry/validatingwebhookconfigurations/h', hooks);
  });
  afterAll(async () => etcd.close());

  it('is proven by what it lists, whatever would refuse requests in the cluster', async () => {
    expect(await served()).toEqual({
      by: 'kube-apiserver',
      version: '1.28.15',
      objects: { namespaces: 3, nodes: 2, secrets: 0 },
      seconds: expect.any(Number) as number,
    });
    expect([leftovers(), scratchProcesses()]).toEqual([[], []]);
  });

  it('is not proven where there is no API server, nor where a KMS plugin decrypts', async () => {
    expect(await served({}, {})).toEqual({ by: 'nobody', reason: 'no-api-server' });
    expect(await served({ needs: [encryptionNeed({ kms: { name: 'vault' } })] })).toEqual({
      by: 'nobody',
      reason: 'kms',
    });
    expect(await served({ needsAreLost: true })).toEqual({
      by: 'nobody',
      reason: 'encryption-config-not-kept',
    });
  });

  it('refuses an API server that does not start, or is of another minor', async () => {
    const broken = path.join(directory, 'broken');
    writeFileSync(broken, '#!/bin/sh\necho "no such luck" >&2\nexit 3\n', { mode: 0o755 });
    expect(await served({}, { '1.28': broken })).toEqual({
      by: 'refused',
      problem: 'the scratch API server ended: no such luck',
    });
    expect(await served({}, { '1.28': path.join(directory, 'none') })).toEqual({
      by: 'refused',
      problem: expect.stringMatching(/^the scratch API server ended: .*ENOENT/) as string,
    });
    const newer = apiServers['1.29'] ?? '';
    expect(await served({}, { '1.28': newer })).toEqual({
      by: 'refused',
      problem: `${newer} is an API server 1.29.15, not one of 1.28.15`,
    });
    expect([leftovers(), scratchProcesses()]).toEqual([[], []]);
  });

  it('is read with the encryption config of its cluster, and with no other', async () => {
    const key = '/registry/secrets/shop/card';
    const secret = object('v1', 'Secret', 'card', { data: { number: 'NDI=' } });
    await etcd.call(0, 'kv/put', {
      key: Buffer.from(key).toString('base64'),
      value: encrypted(key, secret).toString('base64'),
    });
    expect(await served({ needs: [aesgcm(aesKey)] })).toMatchObject({
      by: 'kube-apiserver',
      objects: { namespaces: 3, nodes: 2, secrets: 1 },
    });
    const wrong = await served({ needs: [aesgcm(randomBytes(32))] });
    expect(wrong).toEqual({
      by: 'refused',
      problem: expect.stringMatching(/^listing secrets: HTTP 500: .*secrets\/shop\/card/) as string,
    });
    const missing = await served();
    expect(missing).toEqual({
      by: 'refused',
      problem: expect.stringMatching(/^listing secrets: HTTP 500: .*secrets\/shop\/card/) as string,
    });
    await etcd.call(0, 'kv/deleterange', { key: Buffer.from(key).toString('base64') });
  });

  it.each([
    ['namespaces', '/registry/namespaces/torn'],
    ['nodes', '/registry/minions/torn'],
  ])('is refused with %s that cannot be decoded', async (resource, key) => {
    await etcd.put(key, 'k8s\u0000what was torn');
    expect(await served()).toEqual({
      by: 'refused',
      problem: expect.stringContaining(`listing ${resource}: HTTP 500: `) as string,
    });
    await etcd.call(0, 'kv/deleterange', { key: Buffer.from(key).toString('base64') });
  });

  it('leaves nothing behind when its worker is killed while the API server runs', async () => {
    const { file, revision } = await taking();
    // A child plays the worker; it needs JavaScript.
    const script = `
      const { createSnapshotVerifier } = require(process.argv[1]);
      const { options, file, revision } = JSON.parse(process.argv[2]);
      void createSnapshotVerifier(options)
        .verify(file, revision, new AbortController().signal, { version: '1.28.15' });
    `;
    const compiled = path.resolve('dist/activities/adapters/etcd-snapshot-verifier.js');
    const options = {
      etcd: etcd.etcd,
      etcdutl: etcd.etcdutl,
      dataParent: directory,
      runParent: directory,
      apiServers,
    };
    const child = spawn(
      process.execPath,
      ['-e', script, compiled, JSON.stringify({ options, file, revision })],
      { stdio: 'ignore' },
    );
    const apiServersOf = (): readonly string[] => {
      const listed = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' });
      const ours = listed
        .split('\n')
        .filter((line) => line.includes(`${directory}/ascent-verify-`));
      return ours.filter((line) => line.includes('kube-apiserver'));
    };
    expect(await eventually(async () => apiServersOf().length > 0, { timeoutMs: 30_000 })).toBe(
      true,
    );
    const [pid] = (apiServersOf()[0] ?? '').trim().split(' ');
    child.kill('SIGKILL');
    const isGone = async (): Promise<boolean> =>
      leftovers().length === 0 &&
      !apiServersOf().some((line) => line.trim().startsWith(`${pid ?? ''} `));
    expect(await eventually(isGone, { timeoutMs: 30_000 })).toBe(true);
  });
});
