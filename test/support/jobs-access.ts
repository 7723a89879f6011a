// The access file of a lab of machines, with jobs instead of SSH: a service account of its own,
// with the rights of deploy/rbac and no others.

import { readFile, writeFile } from 'node:fs/promises';

import type { ClusterAccess, KubeadmJobsAccess } from '../../activities/access';
import { nodeJobImage } from '../../lab/machines/images';
import type { KubeadmMachines } from './kubeadm-machines';
import { kubeconfigWith, manifestsOf, rightsOf } from './service-accounts';

const namespace = 'ascent-nodes';
const account = 'ascent-node-jobs';

export interface JobsAccess {
  readonly access: ClusterAccess<KubeadmJobsAccess>;
  /** The same, for a worker. */
  readonly file: string;
}

/** Applies the rights. The machines are those of the lab. */
export async function jobsAccess(machines: KubeadmMachines): Promise<JobsAccess> {
  await machines.apply(...manifestsOf(rightsOf.nodeJobs));
  const { access, accessFile } = machines.lab;
  const { driver, ...others } = access;
  const token = await machines.kubectl('create', 'token', account, '-n', namespace);
  const kubeconfig = await kubeconfigWith(token.trim(), {
    kubeconfig: others.kubeconfig,
    to: machines.at('jobs.kubeconfig'),
  });
  const jobs = { namespace, image: nodeJobImage, kubeconfig };
  const named = Object.fromEntries(Object.keys(driver.machines).map((name) => [name, {}]));
  const { packages } = driver;
  const byJobs = { kind: 'kubeadm', jobs, machines: named, packages } as const;
  const written = JSON.parse(await readFile(accessFile, 'utf8')) as object;
  // Beside the file of the lab: its paths are relative to it.
  const file = accessFile.replace(/\.json$/, '-jobs.json');
  await writeFile(file, JSON.stringify({ ...written, driver: byJobs }), { mode: 0o600 });
  return { access: { ...others, driver: byJobs }, file };
}
