// The cluster between two random upgrades: takes away what the last one left, and puts up what the
// next one finds. Everything may be repeated, and is, until the API answers: it may have been
// killed just now.

import { forEachAtOnce } from '../../../activities/at-once';
import { cordonedAtAnnotation, cordonReasonAnnotation } from '../../../activities/cordon-mark';
import { waitingTaintKey } from '../../../activities/waiting-taint';
import type { LabControl } from '../../../lab/control';
import type { KubeRest } from '../../../lab/kube-rest';
import { until, untilTrue } from '../lab-until';
import type { LoggedObject } from './cluster-log';
import type { Situation } from './situation';

const applyAtOnce = 8;
const collections = [
  '/apis/policy/v1/namespaces/NAMESPACE/poddisruptionbudgets',
  '/apis/apps/v1/namespaces/NAMESPACE/deployments',
  '/apis/apps/v1/namespaces/NAMESPACE/statefulsets',
  '/apis/apps/v1/namespaces/NAMESPACE/daemonsets',
  '/apis/batch/v1/namespaces/NAMESPACE/jobs',
] as const;

interface NodeObject {
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string }[];
  };
  readonly status: {
    readonly nodeInfo: { readonly kubeletVersion: string };
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface StagedNode {
  readonly name: string;
  readonly kubelet: string;
  readonly isReady: boolean;
  readonly isCordoned: boolean;
  readonly cordonReason: string | undefined;
  readonly taints: readonly string[];
}

export class Stage {
  readonly #kube: KubeRest;
  readonly #control: LabControl;

  constructor(kube: KubeRest, control: LabControl) {
    this.#kube = kube;
    this.#control = control;
  }

  async nodes(): Promise<readonly StagedNode[]> {
    const items = await this.#list<NodeObject>('/api/v1/nodes');
    return items.map(({ metadata, spec, status }) => ({
      name: metadata.name,
      kubelet: status.nodeInfo.kubeletVersion.replace(/^v/, ''),
      isReady: status.conditions.some((one) => one.type === 'Ready' && one.status === 'True'),
      isCordoned: spec.unschedulable === true,
      cordonReason: metadata.annotations?.[cordonReasonAnnotation],
      taints: (spec.taints ?? []).map(({ key }) => key),
    }));
  }

  /** Nothing of these namespaces runs any more, without waiting for grace periods. */
  async clear(namespaces: readonly string[]): Promise<void> {
    await Promise.all(namespaces.map((namespace) => this.#clearNamespace(namespace)));
    await untilTrue('the pods of the last run are gone', async () => {
      const pods = await this.#list<LoggedObject>('/api/v1/pods');
      return !pods.some(({ metadata }) => namespaces.includes(metadata.namespace ?? ''));
    });
  }

  /** Every machine runs this kubelet, is Ready and serves. */
  async reset(machines: readonly string[], kubelet: string): Promise<void> {
    await Promise.all(machines.map((node) => this.#control.changeKubelet(node, kubelet)));
    await untilTrue('every node serves again', async () => {
      const nodes = await this.nodes();
      await forEachAtOnce(nodes.filter(isMarked), applyAtOnce, ({ name }) => this.#unmark(name));
      return (
        nodes.length === machines.length &&
        nodes.every((node) => node.isReady && node.kubelet === kubelet && !isMarked(node))
      );
    });
  }

  /** Every pod that is wanted is Ready, and the disruption controller has counted. */
  async putUp({ namespaces, manifests, workloads, budgets }: Situation): Promise<void> {
    for (const name of namespaces) {
      const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
      await this.#apply(`/api/v1/namespaces/${name}`, object);
    }
    await forEachAtOnce(manifests, applyAtOnce, ({ path, object }) => this.#apply(path, object));
    const wanted = workloads.reduce((sum, { replicas }) => sum + replicas, 0);
    await untilTrue('every workload runs', async () => {
      const pods = await this.#of(namespaces, '/api/v1/pods');
      const done = pods.filter(isReadyOrFinished);
      return done.length === pods.length && pods.length > wanted;
    });
    await untilTrue('every budget is observed', async () => {
      const told = await this.#of(namespaces, '/apis/policy/v1/poddisruptionbudgets');
      const real = budgets.filter(({ app }) => app !== 'nobody');
      return (
        told.length === real.length &&
        told.every(({ metadata, status = {} }) => {
          const { currentHealthy = 0, expectedPods } = status;
          return (
            status.observedGeneration === metadata.generation && currentHealthy === expectedPods
          );
        })
      );
    });
  }

  async #clearNamespace(namespace: string): Promise<void> {
    const remove = (path: string, body: object = {}): Promise<unknown> =>
      until(`${path} is deleted`, () => this.#kube.must({ method: 'DELETE', path, body }, [404]));
    // First: nothing is made there any more.
    await remove(`/api/v1/namespaces/${namespace}`);
    await Promise.all(
      collections.map((path) =>
        remove(path.replace('NAMESPACE', namespace), { propagationPolicy: 'Background' }),
      ),
    );
    await remove(`/api/v1/namespaces/${namespace}/pods`, { gracePeriodSeconds: 0 });
  }

  async #unmark(name: string): Promise<void> {
    const annotations = { [cordonReasonAnnotation]: null, [cordonedAtAnnotation]: null };
    const spec = { unschedulable: null, taints: null };
    await this.#kube.must(
      {
        method: 'PATCH',
        path: `/api/v1/nodes/${name}`,
        contentType: 'application/merge-patch+json',
        body: { metadata: { annotations }, spec },
      },
      [404, 409],
    );
  }

  async #apply(path: string, object: object): Promise<void> {
    await until(`${path} is applied`, async () => {
      await this.#kube.apply(path, object);
      return true;
    });
  }

  async #of(namespaces: readonly string[], path: string): Promise<readonly LoggedObject[]> {
    const items = await this.#list<LoggedObject>(path);
    return items.filter(({ metadata }) => namespaces.includes(metadata.namespace ?? ''));
  }

  async #list<Item>(path: string): Promise<readonly Item[]> {
    const { body } = await this.#kube.must({ method: 'GET', path });
    return (body as { readonly items: readonly Item[] }).items;
  }
}

function isReadyOrFinished({ status = {} }: LoggedObject): boolean {
  if (status.phase === 'Succeeded') return true;
  return (status.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True');
}

/** What an upgrade, a fault or the node lifecycle controller left on a node. */
function isMarked({ isCordoned, cordonReason, taints }: StagedNode): boolean {
  return isCordoned || cordonReason !== undefined || taints.length > 0;
}

/** What is wrong with the nodes after an upgrade, each in words. */
export function nodeProblems(
  nodes: readonly StagedNode[],
  /** Undefined when the upgrade stopped before every node had its turn. */
  target: string | undefined,
  /** Nodes whose end the upgrade told to be another one. */
  excepted: readonly string[],
): readonly string[] {
  return nodes.flatMap(({ name, kubelet, isCordoned, cordonReason, taints }) => {
    const problems: string[] = [];
    if (isCordoned && cordonReason?.startsWith('ascent: ') !== true) {
      problems.push(`node ${name} is cordoned without a reason`);
    }
    if (taints.includes(waitingTaintKey)) problems.push(`node ${name} still waits for an upgrade`);
    if (target === undefined || excepted.includes(name)) return problems;
    if (isCordoned) problems.push(`node ${name} does not serve: ${cordonReason ?? 'no reason'}`);
    if (kubelet !== target) problems.push(`node ${name} runs ${kubelet}, not ${target}`);
    return problems;
  });
}
