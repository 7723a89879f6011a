// Leases of processes that are known to have ended. Waiting for them to run out costs 15 s
// (leaders), 40 s or more (nodes); clearing them is safe only for holders that are gone.

import type { KubeRest } from '../kube-rest';
import { messageOf } from '../lab-error';

const leaderPath = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const nodePath = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const leaders = ['kube-controller-manager', 'kube-scheduler'] as const;

interface Lease {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec?: { readonly holderIdentity?: string };
}

/** All of it is a shortcut: what fails here is logged, and the lease runs out by itself. */
export class Leases {
  private readonly kube: KubeRest;
  private readonly log: (line: string) => void;

  constructor(kube: KubeRest, log: (line: string) => void) {
    this.kube = kube;
    this.log = log;
  }

  /**
   * Releases what the ended controllers of one member hold. A holder is `<hostname>_<uuid>`, and
   * hostnames are the members' own; the resourceVersion makes sure that nobody took over since.
   */
  async releaseOf(member: string): Promise<void> {
    await Promise.all(
      leaders.map(async (name) => {
        await this.attempt(`releasing ${name} of ${member}`, async () => {
          const { status, body } = await this.kube.ask({
            method: 'GET',
            path: `${leaderPath}/${name}`,
          });
          if (status !== 200) return;
          const lease = body as Lease;
          if (!(lease.spec?.holderIdentity ?? '').startsWith(`${member}_`)) return;
          await this.kube.must(
            {
              method: 'PATCH',
              path: `${leaderPath}/${name}`,
              contentType: 'application/merge-patch+json',
              body: {
                metadata: { resourceVersion: lease.metadata.resourceVersion },
                spec: { holderIdentity: '' },
              },
            },
            [409],
          );
        });
      }),
    );
  }

  /** Only while no controller of the lab runs at all. */
  async forgetLeaders(): Promise<void> {
    await Promise.all(
      leaders.map(async (name) => {
        await this.attempt(`deleting the lease ${name}`, async () => {
          await this.kube.must({ method: 'DELETE', path: `${leaderPath}/${name}` }, [404]);
        });
      }),
    );
  }

  /** Only while kwok does not run: nobody else holds leases of nodes here. */
  async forgetNodes(): Promise<void> {
    await this.attempt('deleting the leases of the nodes', async () => {
      await this.kube.must({ method: 'DELETE', path: nodePath }, [404]);
    });
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.log(`${what} failed: ${messageOf(error)}`);
    }
  }
}
