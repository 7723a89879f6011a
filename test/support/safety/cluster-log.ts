// Everything that happens to pods, budgets, their owners and nodes, in the order in which etcd took
// it: revisions are of one order for all kinds. A connection of its own, and no code of the engine.
// L1. After a gap (the one API server was away) each object counts at its own last revision; what
//     is gone meanwhile, at that of the list, and `unseen`.

import { connect } from '../../../bin/demo/observer/connection';
import type { Listener, PodWatch } from '../../../bin/demo/observer/pod-watch';
import { listAll, watchObjects } from '../../../bin/demo/observer/pod-watch';
import { untilTrue } from '../lab-until';

const paths = {
  pods: '/api/v1/pods',
  nodes: '/api/v1/nodes',
  budgets: '/apis/policy/v1/poddisruptionbudgets',
  deployments: '/apis/apps/v1/deployments',
  statefulSets: '/apis/apps/v1/statefulsets',
  replicaSets: '/apis/apps/v1/replicasets',
} as const;

export type LogKind = keyof typeof paths;
const kinds = Object.keys(paths) as readonly LogKind[];

export interface LoggedObject {
  readonly metadata: {
    readonly uid: string;
    readonly namespace?: string;
    readonly name: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly controller?: boolean;
    }[];
  };
  readonly spec?: {
    readonly replicas?: number;
    readonly nodeName?: string;
    readonly unschedulable?: boolean;
    readonly minAvailable?: number | string;
    readonly maxUnavailable?: number | string;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
    }[];
    readonly observedGeneration?: number;
    readonly currentHealthy?: number;
    readonly desiredHealthy?: number;
    readonly expectedPods?: number;
  };
}

export interface LogEntry {
  /** Revision of etcd. */
  readonly revision: number;
  readonly kind: LogKind;
  readonly type: 'there' | 'gone';
  /** As it is since then; of what is gone, as it was last. */
  readonly object: LoggedObject;
  readonly seenAtMs: number;
  /** L1. */
  readonly unseen?: true;
}

const revisionOf = ({ metadata }: LoggedObject): number => Number(metadata.resourceVersion);
const settleMs = 20_000;

export class ClusterLog {
  readonly #entries: LogEntry[] = [];
  readonly #known = new Map<LogKind, Map<string, LoggedObject>>();
  readonly #watches: PodWatch[] = [];
  readonly #kubeconfig: string;
  readonly #onEntry: (entry: LogEntry) => void;
  #gaps = 0;

  private constructor(kubeconfig: string, onEntry: (entry: LogEntry) => void) {
    this.#kubeconfig = kubeconfig;
    this.#onEntry = onEntry;
  }

  /** What is there now is told first, then every change, also to `onEntry`. */
  static async begin(kubeconfig: string, onEntry: (entry: LogEntry) => void): Promise<ClusterLog> {
    const log = new ClusterLog(kubeconfig, onEntry);
    for (const kind of kinds) {
      const watch = await watchObjects<LoggedObject>(connect(kubeconfig, 2), paths[kind], (items) =>
        log.#listener(kind, items),
      );
      log.#watches.push(watch);
    }
    return log;
  }

  /** In the order of revisions. */
  entries(): readonly LogEntry[] {
    return this.#entries.toSorted((a, b) => a.revision - b.revision);
  }

  /** How often everything of a kind had to be listed again (L1). */
  get gaps(): number {
    return this.#gaps;
  }

  /** Waits until it knows all that is there now, then ends. */
  async settle(): Promise<void> {
    const connection = connect(this.#kubeconfig, 2);
    try {
      for (const kind of kinds) {
        await untilTrue(
          `the log knows all ${kind}`,
          async () => {
            const { items } = await listAll<LoggedObject>(connection, paths[kind]);
            const known = this.#known.get(kind) ?? new Map<string, LoggedObject>();
            return (
              items.length === known.size &&
              items.every(
                (item) => revisionOf(known.get(item.metadata.uid) ?? item) >= revisionOf(item),
              )
            );
          },
          { timeoutMs: settleMs },
        );
      }
    } finally {
      connection.agent.destroy();
      this.stop();
    }
  }

  /** Safe to repeat. */
  stop(): void {
    for (const watch of this.#watches.splice(0)) watch.stop();
  }

  #listener(kind: LogKind, items: readonly LoggedObject[]): Listener<LoggedObject> {
    const known = new Map<string, LoggedObject>();
    this.#known.set(kind, known);
    const there = (object: LoggedObject): void => {
      known.set(object.metadata.uid, object);
      this.#add({ kind, type: 'there', object, revision: revisionOf(object) });
    };
    const gone = (object: LoggedObject): void => {
      known.delete(object.metadata.uid);
      this.#add({ kind, type: 'gone', object, revision: revisionOf(object) });
    };
    for (const item of items) there(item);
    return {
      changed: (type, object) => (type === 'DELETED' ? gone(object) : there(object)),
      relisted: (now, version) => {
        this.#gaps += 1;
        const uids = new Set(now.map(({ metadata }) => metadata.uid));
        for (const object of [...known.values()].filter(
          ({ metadata }) => !uids.has(metadata.uid),
        )) {
          known.delete(object.metadata.uid);
          this.#add({ kind, type: 'gone', object, revision: Number(version), unseen: true });
        }
        for (const object of now) {
          const before = known.get(object.metadata.uid);
          if (before === undefined || revisionOf(before) < revisionOf(object)) there(object);
        }
      },
    };
  }

  #add(entry: Omit<LogEntry, 'seenAtMs'>): void {
    const logged = { ...entry, seenAtMs: Date.now() };
    this.#entries.push(logged);
    this.#onEntry(logged);
  }
}
