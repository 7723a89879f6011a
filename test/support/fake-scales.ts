// Deployments and autoscalers in memory, as far as drains raise them: replicas turn up Ready on a
// schedulable node a while after they are wanted, and are gone at once when they are not.

import { PortError } from '../../activities/ports';
import type {
  AutoscalerView,
  DeploymentView,
  OwnerRef,
  ScaleView,
} from '../../activities/drain/scale-api';
import { surgeManager } from '../../activities/drain/scale-api';
import { type SurgedObject, surgedText, type SurgeMark } from '../../domain/drain/surge';
import type { FakeKube } from './fake-kube';

const namespace = 'shop';

export class FakeScale {
  readonly object: SurgedObject;
  /** Of the Deployment whose replicas it is about. */
  readonly deployment: string;
  replicas: number;
  by = 'kubectl';
  mark: SurgeMark | undefined;
  version = 1;
  recreates = false;
  maxReplicas = 10;

  constructor(object: SurgedObject, deployment: string, replicas: number) {
    this.object = object;
    this.deployment = deployment;
    this.replicas = replicas;
  }

  view(): ScaleView {
    const { object, deployment, replicas, by: replicasBy, mark } = this;
    const resourceVersion = String(this.version);
    const marked = mark === undefined ? {} : { mark };
    return { object, deployment, resourceVersion, replicas, replicasBy, ...marked };
  }
}

export class FakeScales {
  /** How long until a replica is Ready; Infinity: never. */
  startMs = 2_000;
  readonly all: FakeScale[] = [];
  /** Owners of ReplicaSets that are none of the Deployments here. */
  readonly otherOwners = new Map<string, OwnerRef>();
  private readonly kube: FakeKube;
  private spawned = 0;

  constructor(kube: FakeKube) {
    this.kube = kube;
  }

  /** With `replicas` pods on worker-1, and a budget that wants all of them. */
  addDeployment(name: string, replicas: number): FakeScale {
    const object = { kind: 'Deployment', namespace, name } as const;
    const scale = new FakeScale(object, name, replicas);
    this.all.push(scale);
    const labels = { app: name };
    const controller = { kind: 'ReplicaSet', name: `${name}-5d` };
    for (let index = 1; index <= replicas; index += 1) {
      this.kube.addPod('worker-1', `${name}-${index}`, { labels, controller });
    }
    this.kube.addBudget(name, { matchLabels: labels, desiredHealthy: replicas });
    return scale;
  }

  addAutoscaler(deployment: string, minReplicas: number, maxReplicas: number): FakeScale {
    const object = {
      kind: 'HorizontalPodAutoscaler',
      namespace,
      name: `${deployment}-hpa`,
    } as const;
    const scale = new FakeScale(object, deployment, minReplicas);
    scale.maxReplicas = maxReplicas;
    this.all.push(scale);
    return scale;
  }

  ownerOf(replicaSet: string): OwnerRef | undefined {
    const other = this.otherOwners.get(replicaSet);
    if (other !== undefined) return other;
    const owner = this.deployments().find(({ object }) => `${object.name}-5d` === replicaSet);
    return owner === undefined ? undefined : { kind: 'Deployment', name: owner.object.name };
  }

  deploymentView(name: string): DeploymentView | undefined {
    const found = this.deployments().find(({ object }) => object.name === name);
    if (found === undefined) return undefined;
    const { recreates } = found;
    return { ...found.view(), recreates, isWhole: this.readyPods(name) >= found.replicas };
  }

  autoscalerViews(): readonly AutoscalerView[] {
    return this.all
      .filter(({ object }) => object.kind === 'HorizontalPodAutoscaler')
      .map((one) => ({ ...one.view(), maxReplicas: one.maxReplicas }));
  }

  viewOf(object: SurgedObject): ScaleView | undefined {
    return this.all.find((one) => surgedText(one.object) === surgedText(object))?.view();
  }

  surged(): readonly ScaleView[] {
    return this.all.map((one) => one.view()).filter(({ mark }) => mark !== undefined);
  }

  write(view: ScaleView, change: { readonly replicas?: number; readonly mark?: SurgeMark }): void {
    const found = this.all.find((one) => surgedText(one.object) === surgedText(view.object));
    if (found === undefined) throw new PortError('not-found', 'it is gone');
    if (view.resourceVersion !== String(found.version)) {
      throw new PortError('conflict', 'the object has been modified');
    }
    found.mark = change.mark;
    found.version += 1;
    if (change.replicas !== undefined) this.scale(found, change.replicas, surgeManager);
  }

  /** Somebody sets the replicas. */
  scale(found: FakeScale, replicas: number, by: string): void {
    const before = found.replicas;
    found.replicas = replicas;
    found.by = by;
    found.version += 1;
    if (found.object.kind === 'Deployment') this.follow(found, before);
    else {
      const target = this.deployments().find(({ object }) => object.name === found.deployment);
      if (target !== undefined && target.replicas < replicas) {
        this.scale(target, replicas, 'kube-controller-manager');
      }
    }
  }

  private deployments(): readonly FakeScale[] {
    return this.all.filter(({ object }) => object.kind === 'Deployment');
  }

  private readyPods(name: string): number {
    return [...this.kube.pods.values()].filter(
      ({ ready, controller, deletionTimestampMs }) =>
        ready && controller?.name === `${name}-5d` && deletionTimestampMs === undefined,
    ).length;
  }

  private follow({ object, replicas }: FakeScale, before: number): void {
    const { name } = object;
    const controller = { kind: 'ReplicaSet', name: `${name}-5d` };
    for (let count = before; count < replicas; count += 1) {
      this.spawned += 1;
      const pod = `${name}-more-${this.spawned}`;
      this.kube.addPod('worker-2', pod, {
        labels: { app: name },
        controller,
        phase: 'Pending',
        ready: false,
      });
      if (!Number.isFinite(this.startMs)) continue;
      this.kube.clock.after(this.startMs, () => {
        const found = this.kube.pods.get(`uid-${namespace}-${pod}`);
        if (found !== undefined) Object.assign(found, { phase: 'Running', ready: true });
      });
    }
    const pods = [...this.kube.pods.values()].filter(
      (pod) => pod.controller?.name === `${name}-5d`,
    );
    // A ReplicaSet takes those first that are not Ready, then the youngest.
    const spare = pods.toReversed().toSorted((a, b) => Number(a.ready) - Number(b.ready));
    for (const { uid } of spare.slice(0, Math.max(0, pods.length - replicas))) {
      this.kube.pods.delete(uid);
    }
  }
}
