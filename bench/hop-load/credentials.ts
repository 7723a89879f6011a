// Where the load balancer is and who asks, from the lab's admin kubeconfig.

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

interface KubeconfigFile {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly 'certificate-authority': string } },
  ];
  readonly users: readonly [
    { readonly user: { readonly 'client-certificate': string; readonly 'client-key': string } },
  ];
}

export interface Credentials {
  readonly server: URL;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

export function credentialsOf(kubeconfig: string): Credentials {
  const file = parse(readFileSync(kubeconfig, 'utf8')) as KubeconfigFile;
  const { cluster } = file.clusters[0];
  const { user } = file.users[0];
  return {
    server: new URL(cluster.server),
    tls: {
      ca: readFileSync(cluster['certificate-authority']),
      cert: readFileSync(user['client-certificate']),
      key: readFileSync(user['client-key']),
    },
  };
}
