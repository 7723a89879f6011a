// What a cluster of a lab looks like after a rollback, past the engine: every member and node asked
// directly.

import type { MemberObservation } from '../../domain/observation';
import type { LabGround } from './lab-ground';

export interface Sight {
  /** `3 members, one content`. */
  readonly etcd: string;
  /** `cp-1 1.28.15/1.28.15/1.28.15`: API server, controller-manager, scheduler. */
  readonly members: readonly string[];
  /** `worker-01 1.28.15 serves`. */
  readonly nodes: readonly string[];
}

/** In the order of the names. */
export async function sightOf(ground: LabGround): Promise<Sight> {
  const { members, nodes, etcd } = await ground.observe();
  const content = etcd.kind === 'observed' && etcd.hashesAgree ? 'one content' : 'no agreement';
  const count = etcd.kind === 'observed' ? etcd.memberCount : 0;
  return {
    etcd: `${count} members, ${content}`,
    members: members.map(memberSight),
    nodes: nodes.map(({ name, kubeletVersion, ready, cordon }) => {
      const serves = ready && cordon.kind === 'none';
      return `${name} ${kubeletVersion} ${serves ? 'serves' : 'does not serve'}`;
    }),
  };
}

function memberSight({ name, ...parts }: MemberObservation): string {
  const { apiServer, controllerManager, scheduler } = parts;
  const server = apiServer.kind === 'observed' && apiServer.ready ? apiServer.version : 'away';
  const controllers = [controllerManager, scheduler].map((one) =>
    one.kind === 'observed' && one.healthy ? one.version : 'away',
  );
  return `${name} ${[server, ...controllers].join('/')}`;
}

/** Everything serves, at one version; kubelets may be at another one. */
export function wholeAt(version: string, { lab }: LabGround, kubelets = version): Sight {
  return {
    etcd: `${lab.members.length} members, one content`,
    members: lab.members.map((name) => `${name} ${version}/${version}/${version}`),
    nodes: lab.nodes.map((name) => `${name} ${kubelets} serves`),
  };
}

/** API server, controllers and scheduler at work: a Deployment gets pods that run. */
export async function scaleTo({ kube }: LabGround, name: string, replicas: number): Promise<void> {
  await kube.setReplicas(name, replicas, 'e2e');
  await kube.allWorkloadsAvailable();
  await kube.allPodsReady();
}
