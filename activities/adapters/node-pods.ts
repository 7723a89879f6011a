// The pods of one node.
// P1. By node, a list from etcd costs the API server every pod of the cluster, before 1.31 at
//     least: half a second of a core with 10,000 of them, so that fifty nodes that ask at the same
//     time get no answer in 30 s. In a large cluster the server is asked for what it remembers once
//     that is as new as etcd is now (API concepts, resourceVersionMatch NotOlderThan): as good, and
//     it costs the pods of the node.
// P2. Where no pod of the cluster changes, what a server remembers gets no newer, and it says so
//     after 3 s (504). Then etcd is read, by few at a time.

import { Slots } from '../at-once';
import type { NodeName } from '../../domain/names';
import { type PodView, PortError, type ReadFreshness } from '../ports';
import type { Asking, KubeRequests } from './kube-requests';
import { podView } from './kube-views';

/** Fewer are read from etcd faster than a server could say how many there are. */
const manyPods = 1_000;
const readsAtOnce = 2;

export class NodePods {
  readonly #requests: KubeRequests;
  readonly #reads = new Slots(readsAtOnce);

  constructor(requests: KubeRequests) {
    this.#requests = requests;
  }

  async list(
    node: NodeName,
    freshness: ReadFreshness,
    signal: AbortSignal,
  ): Promise<readonly PodView[]> {
    const fieldSelector = `spec.nodeName=${node}`;
    const asking = { doing: `listing the pods of node ${node}`, signal };
    const read = (): Promise<readonly PodView[]> => this.#read(asking, { fieldSelector });
    // "0": what the server remembers, however old.
    if (freshness === 'cached') return this.#read(asking, { fieldSelector, resourceVersion: '0' });
    const { version, count } = await this.#current(asking);
    if (count < manyPods) return read();
    return (await this.#asNewAs(version, fieldSelector, asking)) ?? this.#reads.run(read);
  }

  #read(
    asking: Asking,
    from: { readonly fieldSelector: string; readonly resourceVersion?: string },
  ): Promise<readonly PodView[]> {
    const { core } = this.#requests;
    return this.#requests.list(asking, {
      request: (page, call) => core.listPodForAllNamespaces({ ...page, ...from }, call),
      view: podView,
    });
  }

  /** The resource version of etcd now, and how many pods the cluster has. */
  async #current(asking: Asking): Promise<{ readonly version: string; readonly count: number }> {
    const { core } = this.#requests;
    const { metadata } = await this.#requests.read(asking, (call) =>
      core.listPodForAllNamespaces({ limit: 1 }, call),
    );
    const { resourceVersion: version = '', remainingItemCount = 0 } = metadata ?? {};
    return { version, count: 1 + remainingItemCount };
  }

  /** Undefined when the server does not remember anything as new (P2). */
  async #asNewAs(
    resourceVersion: string,
    fieldSelector: string,
    asking: Asking,
  ): Promise<readonly PodView[] | undefined> {
    const { core } = this.#requests;
    const resourceVersionMatch = 'NotOlderThan';
    // Without a limit: a list of pages is read from etcd.
    const from = { fieldSelector, resourceVersion, resourceVersionMatch };
    try {
      const { items } = await this.#requests.read(asking, (call) =>
        core.listPodForAllNamespaces(from, call),
      );
      return items.map(podView);
    } catch (error) {
      if (error instanceof PortError && error.code === 'timeout') return undefined;
      throw error;
    }
  }
}
