// Fills etcd with objects as a cluster has them: ConfigMaps of about a kilobyte.

import type { KubeRest } from '../lab/kube-rest';

const writers = 16;
const contentBytes = 700;

/** Creates `<prefix>-0`, `<prefix>-1`, … in the default namespace. Throws KubeRestError. */
export async function createConfigMaps(
  kube: KubeRest,
  prefix: string,
  count: number,
): Promise<void> {
  let next = 0;
  const write = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await kube.must({
        method: 'POST',
        path: '/api/v1/namespaces/default/configmaps',
        body: {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: `${prefix}-${index}` },
          // Each its own content: equal ones would hide a mix-up.
          data: { content: `${prefix} ${index} `.padEnd(contentBytes, '.') },
        },
      });
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
}
