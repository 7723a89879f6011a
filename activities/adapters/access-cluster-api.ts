// The part of an access file that says how a cluster's MachineDeployments are reached.

import path from 'node:path';

import * as z from 'zod';

import { type KubeVersion, parseVersion } from '../../domain/versions';
import type { ClusterApiDriverAccess } from '../access';
import { filePath } from './access-words';

const object = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'expected the name of an object');

const version = z
  .string()
  .regex(/^v?\d+\.\d+\.\d+$/, 'expected a release such as "1.29.15"')
  .transform((text) => parseVersion(text) as KubeVersion);

const release = z.union(
  [
    version,
    z.strictObject({
      version,
      machineTemplates: z.record(z.string(), object).default({}),
      controlPlaneTemplate: object.optional(),
    }),
  ],
  'expected a release such as "1.29.15", or its version with machineTemplates',
);

const port = z.int().min(1).max(65_535);

/** kubeadm's own ports. */
const memberPorts = z.strictObject({
  apiServer: port.default(6443),
  controllerManager: port.default(10_257),
  scheduler: port.default(10_259),
  etcd: port.default(2379),
});

export const clusterApiSchema = z
  .strictObject({
    kind: z.literal('cluster-api'),
    kubeconfig: filePath,
    namespace: object,
    cluster: object,
    members: memberPorts.optional(),
    pools: z.record(z.string(), object).default({}),
    releases: z.array(release).min(1, 'expected at least one release that there is an image of'),
  })
  .superRefine(({ pools }, context) => {
    const seen = new Set<string>();
    for (const [pool, deployment] of Object.entries(pools)) {
      const message = `${deployment} is used twice`;
      if (seen.has(deployment))
        context.addIssue({ code: 'custom', path: ['pools', pool], message });
      seen.add(deployment);
    }
  });

/** `folder`: of the access file. */
export function clusterApiWithAbsolutePaths(
  { kubeconfig, releases, members, ...rest }: z.infer<typeof clusterApiSchema>,
  folder: string,
): ClusterApiDriverAccess {
  return {
    ...rest,
    kubeconfig: path.resolve(folder, kubeconfig),
    ...(members === undefined ? {} : { members }),
    releases: releases.map((one) => {
      if (typeof one === 'string') return { version: one, machineTemplates: {} };
      const { version: of, machineTemplates, controlPlaneTemplate: template } = one;
      const named = template === undefined ? {} : { controlPlaneTemplate: template };
      return { version: of, machineTemplates, ...named };
    }),
  };
}
