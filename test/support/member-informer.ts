// The informer of the official client on ConfigMaps of one API server, past the balancer: what it
// has in its cache, and how often it has listed.

import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node';

export interface MemberInformer {
  /** Names in its cache, sorted. */
  names(): readonly string[];
  lists(): number;
  stop(): Promise<void>;
}

const namespace = 'default';
const path = `/api/v1/namespaces/${namespace}/configmaps`;
const againMs = 200;

export async function startMemberInformer(
  kubeconfigFile: string,
  server: string,
): Promise<MemberInformer> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfigFile);
  config.clusters = config.clusters.map((cluster) => ({ ...cluster, server }));
  const api = config.makeApiClient(CoreV1Api);
  let lists = 0;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const informer = makeInformer<V1ConfigMap>(config, path, async () => {
    const list = await api.listNamespacedConfigMap({ namespace });
    lists += 1;
    return list;
  });
  // As its documentation says: after an error it stands still until it is started again.
  const again = (): void => {
    if (isStopped) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      informer.start().catch(again);
    }, againMs);
  };
  informer.on('error', again);
  await informer.start();
  return {
    names: () =>
      informer
        .list(namespace)
        .map(({ metadata }) => metadata?.name ?? '')
        .toSorted(),
    lists: () => lists,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await informer.stop();
    },
  };
}
