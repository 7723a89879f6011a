import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { ensurePki, machineAddresses, pkiOf } from '../../lab/certificates';
import { designLab } from '../../lab/lab-file';
import type { LabFile } from '../../lab/lab-file';
import { smallShape } from '../support/lab-shape';

const nowMs = Date.UTC(2026, 10, 21);

describe('the certificates of a lab', () => {
  let directory: string;
  let lab: LabFile;
  const certificate = async (name: string): Promise<X509Certificate> =>
    new X509Certificate(await readFile(pkiOf(directory).certificate(name)));

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'ascent-pki-'));
    lab = await designLab(smallShape, nowMs, new Set());
    await ensurePki(directory, lab, nowMs);
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it.each([
    ['cp-1-api-server', 'ca'],
    ['cp-1-controller-manager', 'ca'],
    ['cp-1-scheduler', 'ca'],
    ['balancer', 'ca'],
    ['admin', 'ca'],
    ['kwok', 'ca'],
    ['cp-1-etcd', 'etcd-ca'],
    ['etcd-client', 'etcd-ca'],
    ['api-server-etcd-client', 'etcd-ca'],
    ['front-proxy-client', 'front-proxy-ca'],
  ])('%s is signed by %s and by no other authority', async (name, authority) => {
    const leaf = await certificate(name);
    const signers = await Promise.all(
      ['ca', 'etcd-ca', 'front-proxy-ca'].map(async (candidate) => {
        const { publicKey } = await certificate(candidate);
        return leaf.verify(publicKey) ? [candidate] : [];
      }),
    );

    expect([signers.flat(), leaf.ca]).toEqual([[authority], false]);
  });

  it('name what clients dial, and the subjects that roles are bound to', async () => {
    const server = await certificate('cp-1-api-server');
    const admin = await certificate('admin');

    expect(server.subjectAltName?.split(', ')).toEqual([
      'DNS:localhost',
      'DNS:cp-1',
      'DNS:kubernetes',
      'DNS:kubernetes.default',
      'DNS:kubernetes.default.svc',
      'DNS:kubernetes.default.svc.cluster.local',
      'IP Address:127.0.0.1',
      ...machineAddresses.map((address) => `IP Address:${address}`),
      'IP Address:10.96.0.1',
      'IP Address:10.99.0.11',
    ]);
    expect(admin.subject.split('\n')).toEqual(['O=system:masters', 'CN=ascent-admin']);
    expect((await certificate('controller-manager')).subject).toBe(
      'CN=system:kube-controller-manager',
    );
  });

  it('belong to the keys beside them, which only the owner may read', async () => {
    const files = await readdir(directory);
    const modes = await Promise.all(
      files.map(async (file) => (await stat(path.join(directory, file))).mode & 0o777),
    );

    expect(new Set(modes)).toEqual(new Set([0o600]));
    expect((await stat(directory)).mode & 0o077).toBe(0);
  });

  it('are made once, and again when they were left half made', async () => {
    const serial = async (): Promise<string> => (await certificate('ca')).serialNumber;
    const before = await serial();
    await ensurePki(directory, lab, nowMs);
    expect(await serial()).toBe(before);

    await rm(path.join(directory, 'complete'));
    await ensurePki(directory, lab, nowMs);
    expect(await serial()).not.toBe(before);
  });
});
