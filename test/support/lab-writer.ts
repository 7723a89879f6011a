// Writes to a lab all the time, through its balancer, and remembers what was acknowledged, and at
// which revision of etcd.

import { KubeRest } from '../../lab/kube-rest';
import type { LabLayout } from '../../lab/layout';
import { sleep } from '../../lab/waiting';

const everyMs = 20;
const configMaps = '/api/v1/namespaces/default/configmaps';
const pageSize = 500;

interface Written {
  /** By name: what stands in it. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Writes that were refused, or not answered: nobody knows what became of them. */
  readonly unacknowledged: readonly string[];
}

interface ConfigMap {
  /** `resourceVersion` of one that was made just now is the revision of etcd that made it. */
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly data?: { readonly value?: string };
}

interface ConfigMaps {
  readonly metadata: { readonly continue?: string };
  readonly items: readonly ConfigMap[];
}

async function present(kube: KubeRest): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  let next = '';
  do {
    const path = `${configMaps}?limit=${pageSize}${next === '' ? '' : `&continue=${next}`}`;
    const { metadata, items } = (await kube.must({ method: 'GET', path })).body as ConfigMaps;
    for (const { metadata: about, data } of items) found.set(about.name, data?.value ?? '');
    next = encodeURIComponent(metadata.continue ?? '');
  } while (next !== '');
  return found;
}

/** What stands after a restore of a snapshot of that revision; reads from etcd. */
interface Standing {
  /** How many were acknowledged before the snapshot, and how many since. */
  readonly before: number;
  readonly since: number;
  /** From before the snapshot, and not there. */
  readonly missing: readonly string[];
  /** From after it, and there all the same. */
  readonly newer: readonly string[];
}

export interface LabWriter {
  /** How many writes were acknowledged until now. */
  count(): number;
  stop(): Promise<Written>;
  /** Names of what was acknowledged and is not there, or is something else. Reads from etcd. */
  lost(): Promise<readonly string[]>;
  standing(snapshotRevision: number): Promise<Standing>;
  close(): void;
}

/** Of this process: what one writes no other one has written. */
let writers = 0;

/** One write after the other. */
export async function startWriter(layout: LabLayout, apiUrl: string): Promise<LabWriter> {
  writers += 1;
  const ours = `acknowledged-${writers}-`;
  const kube = await KubeRest.admin(layout, apiUrl);
  const ending = new AbortController();
  const acknowledged = new Map<string, string>();
  const revisions = new Map<string, number>();
  const unacknowledged: string[] = [];
  const write = async (index: number): Promise<void> => {
    const [name, value] = [`${ours}${index}`, `value ${index}`];
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } };
    try {
      const answer = (await kube.must({ method: 'POST', path: configMaps, body })).body;
      acknowledged.set(name, value);
      revisions.set(name, Number((answer as ConfigMap).metadata.resourceVersion));
    } catch (error) {
      unacknowledged.push(`${name}: ${String(error)}`);
    }
  };
  const writing = (async () => {
    for (let index = 0; !ending.signal.aborted; index += 1) {
      await write(index);
      await sleep(everyMs, ending.signal).catch(() => undefined);
    }
  })();
  return {
    count: () => acknowledged.size,
    async stop() {
      ending.abort();
      await writing;
      return { acknowledged, unacknowledged };
    },
    async lost() {
      const there = await present(kube);
      return [...acknowledged].flatMap(([name, value]) =>
        there.get(name) === value ? [] : [name],
      );
    },
    async standing(snapshotRevision) {
      const there = await present(kube);
      const isBefore = (name: string): boolean => (revisions.get(name) ?? 0) <= snapshotRevision;
      const before = [...acknowledged.keys()].filter(isBefore);
      const since = [...acknowledged.keys()].filter((name) => !isBefore(name));
      return {
        before: before.length,
        since: since.length,
        missing: before.filter((name) => there.get(name) !== acknowledged.get(name)),
        newer: since.filter((name) => there.has(name)),
      };
    },
    close: () => kube.close(),
  };
}
