// A worker whose requests the API server can tell from all others: it asks as a service account,
// and a FlowSchema counts what that account asks for. The level `exempt` is the one that the lab's
// administrator has: counting changes nothing of how its requests are treated.

import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { Ground } from '../bin/demo/ground';
import { startWorker, type WorkerProcess } from '../bin/demo/worker-process';
import { connectTemporal } from '../client/connect';
import { writeFileAtomic, writeJsonAtomic } from '../lab/atomic-file';
import { pkiOf } from '../lab/certificates';
import type { KubeRest } from '../lab/kube-rest';
import { kubeconfigText } from '../lab/kubeconfig';
import { labLayout } from '../lab/layout';
import { cpuSecondsIn, requestsIn } from './scale-figures';

const account = 'bench-worker';
const namespace = 'kube-system';
const tokenSeconds = 24 * 60 * 60;

export interface CountedWorker extends WorkerProcess {
  /** Requests that the API server has got from it since the API server's start. */
  requests(): Promise<number>;
  cpuSeconds(): Promise<number>;
}

/** Instead of the worker that came with the ground. */
export async function startCountedWorker(
  ground: Ground,
  api: { readonly kube: KubeRest; readonly server: string },
): Promise<CountedWorker> {
  const { stateDir, cluster, temporalAddress } = ground;
  const { kube } = api;
  await ground.worker.stop();
  await applyAccount(kube);
  const accessFile = await writeAccess(ground, api);
  const temporal = await connectTemporal({ address: temporalAddress, env: {} });
  try {
    const named = { stateDir, cluster, accessFile, temporalAddress, name: account };
    const worker = await startWorker(temporal.client, named);
    return {
      ...worker,
      async requests() {
        const { body } = await kube.must({ method: 'GET', path: '/metrics' });
        return requestsIn(String(body), account);
      },
      cpuSeconds: async () => cpuSecondsIn(await readFile(`/proc/${worker.pid}/stat`, 'utf8')),
    };
  } finally {
    await temporal.close();
  }
}

async function applyAccount(kube: KubeRest): Promise<void> {
  await kube.apply(`/api/v1/namespaces/${namespace}/serviceaccounts/${account}`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: account, namespace },
  });
  const rbac = 'rbac.authorization.k8s.io';
  await kube.apply(`/apis/${rbac}/v1/clusterrolebindings/${account}`, {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: account },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
  });
  // 1.28 has no v1, and serves v1beta3 as 1.29 and 1.30 do.
  const flows = 'flowcontrol.apiserver.k8s.io/v1beta3';
  const any = { verbs: ['*'], namespaces: ['*'], clusterScope: true };
  await kube.apply(`/apis/${flows}/flowschemas/${account}`, {
    apiVersion: flows,
    kind: 'FlowSchema',
    metadata: { name: account },
    spec: {
      matchingPrecedence: 2,
      priorityLevelConfiguration: { name: 'exempt' },
      rules: [
        {
          subjects: [{ kind: 'ServiceAccount', serviceAccount: { name: account, namespace } }],
          resourceRules: [{ ...any, apiGroups: ['*'], resources: ['*'] }],
          nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
        },
      ],
    },
  });
}

/** The ground's access with a kubeconfig of the account; both lie in the lab's directory. */
async function writeAccess(
  { stateDir, access, cluster }: Ground,
  { kube, server }: { readonly kube: KubeRest; readonly server: string },
): Promise<string> {
  const layout = labLayout(stateDir);
  const { body } = await kube.must({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: tokenSeconds },
    },
  });
  const { token } = (body as { readonly status: { readonly token: string } }).status;
  const kubeconfig = path.join(layout.config, `${account}.kubeconfig`);
  const ca = pkiOf(layout.pki).certificate('ca');
  const user = { user: account, credentials: { token } };
  await writeFileAtomic(kubeconfig, kubeconfigText({ cluster, server, ca, ...user }));
  const accessFile = path.join(layout.config, `${account}.access.json`);
  await writeJsonAtomic(accessFile, { ...access, kubeconfig });
  return accessFile;
}
