// The bare script of a way back: the steps of a restore on processes that it started itself, with
// nothing that makes them safe. No journal, no copy of the snapshot, no sealing, no thought for a
// member that is lost; the revision is bumped by a constant, which is right only once.

import { execFile } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

import { etcdDataDir, etcdRestoreFlags } from '../lab/flags';
import { KubeRest } from '../lab/kube-rest';
import { apiServerUrl } from '../lab/flags';
import { Leases } from '../lab/supervisor/leases';
import { eventually } from '../lab/waiting';
import { bareComponents, type BareControlPlane } from './bare-control-plane';
import { createConfigMaps } from './config-maps';

const execute = promisify(execFile);
const bumpRevision = 1_000_000_000;
const leasePatienceMs = 60_000;
const leaders = ['kube-controller-manager', 'kube-scheduler'] as const;

export interface RollbackSeconds {
  /** Every API server is ready in the old version. */
  readonly apiReady: number;
  /** And etcd agrees, controllers are healthy and lead. */
  readonly verified: number;
}

export interface BareRollback {
  readonly bare: BareControlPlane;
  readonly snapshotFile: string;
  readonly from: string;
  readonly to: string;
  /** Writes since the snapshot. */
  readonly writes: number;
  /** Of this run: a token of its own for each restore. */
  readonly run: number;
}

/** From a control plane that serves in the newer version; leaves it in the older one. */
export async function bareRollback(options: BareRollback): Promise<RollbackSeconds> {
  const { bare, from, to, writes, run } = options;
  await bare.kill(['etcd', ...bareComponents]);
  await restoreData(options, `before-${run}`);
  await bare.startEtcd(`before-${run}`);
  await bare.start(from, bareComponents);
  await bare.apiServersReady();
  await withKube(bare, async (kube) => {
    await lead(kube);
    await createConfigMaps(kube, `since-${run}`, writes);
  });

  const orderedMs = performance.now();
  const seconds = (): number => (performance.now() - orderedMs) / 1_000;
  await bare.kill(bareComponents);
  await bare.kill(['etcd']);
  await restoreData(options, `back-${run}`);
  await bare.startEtcd(`back-${run}`);
  await bare.sameContent();
  await bare.start(to, ['api-server']);
  await bare.firstApiServer();
  return withKube(bare, async (kube) => {
    await new Leases(kube, () => undefined).forgetLeaders();
    await bare.start(to, ['controller-manager', 'scheduler']);
    await bare.apiServersReady();
    const apiReady = seconds();
    await bare.controllersHealthy();
    await lead(kube);
    return { apiReady, verified: seconds() };
  });
}

async function restoreData({ bare, snapshotFile }: BareRollback, token: string): Promise<void> {
  await Promise.all(
    bare.lab.members.map(async (member) => {
      const dataDir = etcdDataDir(bare.layout, member);
      const fresh = `${dataDir}.restoring`;
      const flags = etcdRestoreFlags(bare.contextOf(member), {
        token,
        dataDir: fresh,
        bumpRevision,
      });
      const args = ['snapshot', 'restore', snapshotFile, ...flags];
      await execute(bare.binaries.etcdutl, args);
      await rm(`${dataDir}.aside`, { recursive: true, force: true });
      await rename(dataDir, `${dataDir}.aside`).catch(() => undefined);
      await rename(fresh, dataDir);
    }),
  );
}

async function withKube<Result>(
  bare: BareControlPlane,
  use: (kube: KubeRest) => Promise<Result>,
): Promise<Result> {
  const kube = await KubeRest.admin(bare.layout, apiServerUrl(await bare.firstApiServer()));
  try {
    return await use(kube);
  } finally {
    kube.close();
  }
}

interface Lease {
  readonly spec?: { readonly holderIdentity?: string };
}

/** Both leases are held. */
async function lead(kube: KubeRest): Promise<void> {
  const base = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
  const isLed = async (): Promise<boolean> => {
    const answers = await Promise.all(
      leaders.map((name) => kube.ask({ method: 'GET', path: `${base}/${name}` })),
    );
    return answers.every(
      ({ status, body }) =>
        status === 200 && ((body as Lease).spec?.holderIdentity ?? '').length > 0,
    );
  };
  if (await eventually(isLed, { timeoutMs: leasePatienceMs, everyMs: 25 })) return;
  throw new Error('nobody leads');
}
