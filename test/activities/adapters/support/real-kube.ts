// A real kube-apiserver on a real etcd. Nothing else runs: budgets keep the status that a test
// gives them, and pods stay as they are written.

import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Agent, request } from 'undici';

import { type ConnectedKubeApi, createKubeApi } from '../../../../activities/adapters/kube-api';
import {
  type KubeConnection,
  openKubeConnection,
} from '../../../../activities/adapters/kube-connection';
import { systemClock } from '../../../../activities/adapters/system-clock';
import { installedBinaries } from '../../../../lab/binaries';
import { freePortBlock } from '../../../../lab/free-ports';
import { writeKubeconfig } from './canned-server';
import { createAuthority, type Identity, type TestAuthority } from './pki';
import { startEtcd } from './real-etcd';
import { type RealProcess, startProcess } from './real-process';

interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface RealKube {
  readonly url: string;
  readonly authority: TestAuthority;
  /** Of a member of system:masters. */
  readonly kubeconfig: string;
  /** Of a user without any rights. */
  readonly strangerKubeconfig: string;
  readonly version: string;
  /** Starts kube-controller-manager or kube-scheduler; resolves to its address. */
  startController(name: 'kube-controller-manager' | 'kube-scheduler'): Promise<string>;
  call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<RawAnswer>;
  close(): Promise<void>;
}

/** Our own adapter on it; `close` closes its connection as well. */
export interface OpenKube extends ConnectedKubeApi {
  readonly connection: KubeConnection;
}

export function openKube(kubeconfig: string): OpenKube {
  const connection = openKubeConnection(kubeconfig);
  const kube = createKubeApi(connection, { clock: systemClock });
  return {
    ...kube,
    connection,
    async close() {
      await kube.close();
      await connection.close();
    },
  };
}

async function serviceAccountKey(directory: string): Promise<{ key: string; pub: string }> {
  const pair = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const key = path.join(directory, 'sa.key');
  const pub = path.join(directory, 'sa.pub');
  writeFileSync(key, pair.privateKey, { mode: 0o600 });
  writeFileSync(pub, pair.publicKey);
  return { key, pub };
}

/** Of this minor; by default of the oldest that is installed. */
export async function startKube(directory: string, minor?: string): Promise<RealKube> {
  const binaries = await installedBinaries();
  const versions = await binaries.versions();
  const version = versions.find((one) => minor === undefined || one.startsWith(`${minor}.`));
  const kube = version === undefined ? undefined : await binaries.kube(version);
  if (version === undefined || kube === undefined)
    throw new Error('no kube-apiserver is installed');
  const etcd = await startEtcd(directory, 1);
  const authority = await createAuthority('kube-ca');
  const [server, admin, stranger] = await Promise.all([
    authority.server(),
    authority.client('admin,O=system:masters'),
    authority.client('stranger'),
  ]);
  const file = (name: string, content: string): string => {
    const at = path.join(directory, name);
    writeFileSync(at, content, { mode: 0o600 });
    return at;
  };
  const port = await freePortBlock(1);
  const url = `https://127.0.0.1:${String(port)}`;
  const sa = await serviceAccountKey(directory);
  const agent = new Agent({
    allowH2: false,
    connect: { ca: authority.ca, cert: admin.certificate, key: admin.key },
  });
  const call: RealKube['call'] = async (method, at, body) => {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const answer = await request(`${url}${at}`, {
      dispatcher: agent,
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': type } }),
    });
    const text = await answer.body.text();
    const isJson = String(answer.headers['content-type']).includes('json');
    const { statusCode: status, headers } = answer;
    return { status, headers, body: isJson ? (JSON.parse(text) as unknown) : text };
  };
  const isReady = async (): Promise<boolean> => {
    try {
      return (await call('GET', '/readyz')).status === 200;
    } catch {
      return false;
    }
  };
  const apiServer = await startProcess({
    name: 'kube-apiserver',
    executable: kube.apiServer,
    args: [
      `--etcd-servers=${etcd.access.members.map(({ endpoint }) => endpoint).join(',')}`,
      `--etcd-cafile=${etcd.access.ca}`,
      `--etcd-certfile=${etcd.access.certificate}`,
      `--etcd-keyfile=${etcd.access.key}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      '--endpoint-reconciler-type=none',
      `--secure-port=${String(port)}`,
      `--tls-cert-file=${file('api.crt', server.certificate)}`,
      `--tls-private-key-file=${file('api.key', server.key)}`,
      `--client-ca-file=${file('kube-ca.crt', authority.ca)}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${sa.pub}`,
      `--service-account-signing-key-file=${sa.key}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--disable-admission-plugins=ServiceAccount',
      '--allow-privileged=true',
    ],
    directory,
    isReady,
  });
  const kubeconfigOf = (user: Identity): string =>
    writeKubeconfig(directory, { server: url, ca: authority.ca, user });
  const adminKubeconfig = kubeconfigOf(admin);
  const controllers: RealProcess[] = [];
  return {
    url,
    authority,
    version,
    kubeconfig: adminKubeconfig,
    strangerKubeconfig: kubeconfigOf(stranger),
    call,
    async startController(name) {
      const own = await freePortBlock(1);
      const address = `https://127.0.0.1:${String(own)}`;
      const isUp = async (): Promise<boolean> => {
        try {
          return (await request(`${address}/healthz`, { dispatcher: agent })).statusCode === 200;
        } catch {
          return false;
        }
      };
      const executable = name === 'kube-scheduler' ? kube.scheduler : kube.controllerManager;
      const process = await startProcess({
        name,
        executable,
        args: [
          `--kubeconfig=${adminKubeconfig}`,
          `--authentication-kubeconfig=${adminKubeconfig}`,
          `--authorization-kubeconfig=${adminKubeconfig}`,
          '--bind-address=127.0.0.1',
          `--secure-port=${String(own)}`,
          `--tls-cert-file=${path.join(directory, 'api.crt')}`,
          `--tls-private-key-file=${path.join(directory, 'api.key')}`,
        ],
        directory,
        isReady: isUp,
      });
      controllers.push(process);
      return address;
    },
    async close() {
      await Promise.all(controllers.map((item) => item.kill()));
      await apiServer.kill();
      await etcd.close();
      await agent.destroy();
    },
  };
}
