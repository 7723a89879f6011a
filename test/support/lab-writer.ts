// Writes to a lab all the time, through its balancer, and remembers what was acknowledged.

import { KubeRest } from '../../lab/kube-rest';
import type { LabLayout } from '../../lab/layout';
import { sleep } from '../../lab/waiting';

const everyMs = 20;
const configMaps = '/api/v1/namespaces/default/configmaps';
const ours = 'acknowledged-';
const pageSize = 500;

interface Written {
  /** By name: what stands in it. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Writes that were refused, or not answered: nobody knows what became of them. */
  readonly unacknowledged: readonly string[];
}

interface ConfigMaps {
  readonly metadata: { readonly continue?: string };
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly data?: { readonly value?: string };
  }[];
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

export interface LabWriter {
  stop(): Promise<Written>;
  /** Names of what was acknowledged and is not there, or is something else. Reads from etcd. */
  lost(): Promise<readonly string[]>;
  close(): void;
}

/** One write after the other. */
export async function startWriter(layout: LabLayout, apiUrl: string): Promise<LabWriter> {
  const kube = await KubeRest.admin(layout, apiUrl);
  const ending = new AbortController();
  const acknowledged = new Map<string, string>();
  const unacknowledged: string[] = [];
  const write = async (index: number): Promise<void> => {
    const [name, value] = [`${ours}${index}`, `value ${index}`];
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } };
    try {
      await kube.must({ method: 'POST', path: configMaps, body });
      acknowledged.set(name, value);
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
    close: () => kube.close(),
  };
}
