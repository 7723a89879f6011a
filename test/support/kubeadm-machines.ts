// A lab of machines for tests of what goes back: the cluster is upgraded by hand, and what each
// machine was is kept aside as the driver keeps it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { openCluster, openServedCluster } from '../../activities/adapters/open-cluster';
import type { DriverContext } from '../../activities/driver-context';
import { keepScript } from '../../activities/drivers/kubeadm-kept';
import { programsScript } from '../../activities/drivers/kubeadm-programs';
import { scriptHead } from '../../activities/drivers/machine-script';
import { observeCluster } from '../../activities/observe';
import type { ClusterPorts } from '../../activities/ports';
import type { EtcdSnapshotFacts } from '../../activities/snapshot-ports';
import type { ClusterName } from '../../domain/names';
import type { Observation } from '../../domain/observation';
import type { KubeVersion } from '../../domain/versions';
import { machineFaults, type MachineFaults } from '../../lab/machines/machine-faults';
import { machinesDown, type MachinesLab, machinesUp } from '../../lab/machines/machines-lab';
import type { EtcdUnitsShape } from '../../lab/machines/machines-file';
import { offeredAt, offerRelease } from '../../lab/machines/offer-release';
import { releasesDirectory } from '../../lab/machines/releases';
import { aContext, type Heard } from '../activities/drivers/support/programs';

const kubectlOfCluster = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'];

export class KubeadmMachines {
  readonly lab: MachinesLab;
  readonly faults: MachineFaults;
  readonly #directory: string;

  private constructor(lab: MachinesLab, directory: string) {
    this.lab = lab;
    this.faults = machineFaults(lab.context);
    this.#directory = directory;
  }

  static async up(shape: {
    readonly name: string;
    readonly controlPlanes: number;
    readonly workers: number;
    readonly etcd?: EtcdUnitsShape;
  }): Promise<KubeadmMachines> {
    const directory = await mkdtemp(path.join(tmpdir(), 'ascent-machines-'));
    const stateDir = path.join(directory, 'lab');
    try {
      return new KubeadmMachines(
        await machinesUp({ ...shape, version: '1.28', stateDir }),
        directory,
      );
    } catch (error) {
      await machinesDown({ stateDir });
      throw error;
    }
  }

  async down(): Promise<void> {
    await machinesDown({ stateDir: this.lab.stateDir });
    await rm(this.#directory, { recursive: true, force: true });
  }

  at(name: string): string {
    return path.join(this.#directory, name);
  }

  sh(machine: string, script: string, ...args: readonly string[]): Promise<string> {
    return this.faults.run(machine, ['sh', '-c', script, 'sh', ...args], 600_000);
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return this.faults.run('cp-1', [...kubectlOfCluster, ...args]);
  }

  async apply(...manifests: readonly object[]): Promise<void> {
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });
    await this.sh('cp-1', `printf %s "$1" | ${kubectlOfCluster.join(' ')} apply -f -`, list);
  }

  async with<Result>(use: (ports: ClusterPorts) => Promise<Result>): Promise<Result> {
    const ports = openServedCluster(this.lab.access);
    try {
      return await use(ports);
    } finally {
      await ports.close();
    }
  }

  async observe(): Promise<Observation> {
    const ports = openCluster(this.lab.access);
    try {
      const cluster = this.lab.name as ClusterName;
      return await observeCluster({ cluster, ports, signal: AbortSignal.timeout(60_000) });
    } finally {
      await ports.close();
    }
  }

  snapshot(): Promise<EtcdSnapshotFacts> {
    const signal = AbortSignal.timeout(60_000);
    return this.with(({ etcd }) => etcd.snapshot(this.at('snapshot.db'), () => undefined, signal));
  }

  /** Of the snapshot, by the driver. */
  restore(
    facts: EtcdSnapshotFacts,
    order: { readonly restoreId: string; readonly version: KubeVersion },
    context: Partial<DriverContext> = {},
  ): { readonly heard: Heard; readonly done: Promise<{ readonly lost: readonly object[] }> } {
    const heard = aContext(context);
    const { revision: snapshotRevision, etcdVersion } = facts;
    const by = { snapshotFile: this.at('snapshot.db'), snapshotRevision, etcdVersion };
    const done = this.with(({ controlPlane }) => controlPlane.restore({ ...order, ...by }, heard));
    return { heard, done };
  }

  /** By hand, member by member; kept aside before. The kubelets stay. */
  async upgradeControlPlane(
    members: readonly string[],
    { from, to, etcd }: { readonly from: KubeVersion; readonly to: KubeVersion; etcd: boolean },
  ): Promise<void> {
    await offerRelease(this.lab.context, to);
    const kubeadm = offeredAt(to, 'kubeadm');
    const flag = `--etcd-upgrade=${etcd}`;
    const keep = `${scriptHead}${programsScript(
      { kind: 'binaries', directory: releasesDirectory },
      to,
    )}${keepScript()}
keep_member v${from}`;
    for (const [at, member] of members.entries()) {
      await this.sh(member, keep);
      const apply = ['upgrade', 'apply', '--yes', flag, `v${to}`];
      const node = ['upgrade', 'node', flag];
      await this.faults.run(member, [kubeadm, ...(at === 0 ? apply : node)], 900_000);
    }
  }
}
