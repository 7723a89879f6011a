// Whom a pod's Deployment is raised through, or why it is not: by its autoscaler where it has one,
// because that would take the replica back at once.

import type { DrainInput } from '../../domain/activity-contract';
import type { SurgeMark, SurgeRefusal } from '../../domain/drain/surge';
import { type Clock, type KubeApi, type PodView, PortError } from '../ports';
import type { AutoscalerView, DeploymentView, OwnerRef, ScaleView } from './scale-api';
import type { Raised } from './surge-marks';

export type SurgeChoice =
  /** It is raised, by this drain: now, or by an attempt before. */
  | (Raised & { readonly kind: 'raised'; readonly deployment: string })
  /** It is raised by the drain of another node. */
  | (Raised & { readonly kind: 'other' })
  | { readonly kind: 'refused'; readonly refusal: SurgeRefusal }
  /** Something is just changing: look again. */
  | { readonly kind: 'later' };

export interface SurgeChoicesOptions {
  readonly kube: KubeApi;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly input: DrainInput;
  readonly signal: AbortSignal;
}

const surgeRefusals: Readonly<
  Record<PortError['code'], 'later' | 'forbidden' | 'failing' | 'thrown'>
> = {
  conflict: 'later',
  'not-found': 'later',
  forbidden: 'forbidden',
  rejected: 'failing',
  full: 'failing',
  unexpected: 'failing',
  unauthorized: 'thrown',
  unreachable: 'thrown',
  timeout: 'thrown',
};

export class SurgeChoices {
  readonly #options: SurgeChoicesOptions;
  /** By namespace and name of the ReplicaSet, which keeps its owner for life. */
  readonly #owners = new Map<string, OwnerRef | undefined>();

  constructor(options: SurgeChoicesOptions) {
    this.#options = options;
  }

  /** Name of the Deployment that owns the pod's ReplicaSet, if one does. Throws PortError. */
  async deploymentOf({ ref, controller }: PodView): Promise<string | undefined> {
    if (controller?.kind !== 'ReplicaSet') return undefined;
    const owner = await this.#ownerOf(ref.namespace, controller.name);
    return owner?.kind === 'Deployment' ? owner.name : undefined;
  }

  /**
   * Raises the Deployment of the pod by one, unless `undone` names it. Throws PortError when the
   * API is away; a right that is missing is an answer.
   */
  async raise(pod: PodView, undone: ReadonlySet<string>): Promise<SurgeChoice> {
    try {
      return await this.#raise(pod, undone);
    } catch (error) {
      if (!(error instanceof PortError) || this.#options.signal.aborted) throw error;
      const { code, message } = error;
      const meant = surgeRefusals[code];
      if (meant === 'thrown') throw error;
      return meant === 'later'
        ? { kind: 'later' }
        : { kind: 'refused', refusal: { code: meant, message } };
    }
  }

  async #raise(pod: PodView, undone: ReadonlySet<string>): Promise<SurgeChoice> {
    const { kube, signal } = this.#options;
    const { namespace } = pod.ref;
    const name = await this.deploymentOf(pod);
    if (name === undefined) return { kind: 'refused', refusal: await this.#ownerRefusal(pod) };
    if (undone.has(`${namespace}/${name}`)) return refused({ code: 'undone' });
    const deployment = await kube.getDeployment(namespace, name, signal);
    if (deployment === undefined) return { kind: 'later' };
    const autoscalers = await kube.listAutoscalers(namespace, signal);
    const autoscaler = autoscalers.find((one) => one.deployment === name);
    for (const view of [deployment, autoscaler]) {
      if (view?.mark !== undefined) return this.#marked(view, view.mark, name);
    }
    if (deployment.recreates) return refused({ code: 'recreates', deployment: name });
    if (!deployment.isWhole) return { kind: 'later' };
    return this.#write(deployment, autoscaler);
  }

  #marked({ object: raised }: ScaleView, mark: SurgeMark, deployment: string): SurgeChoice {
    const isOurs = mark.node === this.#options.input.node;
    return isOurs ? { kind: 'raised', raised, mark, deployment } : { kind: 'other', raised, mark };
  }

  async #write(
    deployment: DeploymentView,
    autoscaler: AutoscalerView | undefined,
  ): Promise<SurgeChoice> {
    const { kube, clock, input, signal } = this.#options;
    const view = autoscaler ?? deployment;
    const to = deployment.replicas + 1;
    if (autoscaler !== undefined && to > autoscaler.maxReplicas) {
      const { object, maxReplicas: max } = autoscaler;
      return refused({ code: 'autoscaler-at-max', autoscaler: object.name, max });
    }
    const { node, cluster } = input;
    const at = new Date(clock.nowMs()).toISOString();
    const mark = { from: view.replicas, to, node, cluster, at };
    await kube.setScale(view, { replicas: to, mark }, signal);
    return { kind: 'raised', raised: view.object, mark, deployment: deployment.object.name };
  }

  async #ownerRefusal({ ref, controller }: PodView): Promise<SurgeRefusal> {
    if (controller?.kind !== 'ReplicaSet') {
      return { code: 'owner', ...(controller === undefined ? {} : { owner: controller }) };
    }
    const owner = await this.#ownerOf(ref.namespace, controller.name);
    return { code: 'owner', owner: owner ?? controller };
  }

  async #ownerOf(namespace: string, name: string): Promise<OwnerRef | undefined> {
    const key = `${namespace}/${name}`;
    const known = this.#owners.get(key);
    if (known !== undefined || this.#owners.has(key)) return known;
    const { kube, signal } = this.#options;
    const owner = await kube.ownerOfReplicaSet(namespace, name, signal);
    this.#owners.set(key, owner);
    return owner;
  }
}

function refused(refusal: SurgeRefusal): SurgeChoice {
  return { kind: 'refused', refusal };
}
