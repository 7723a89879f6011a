// Volumes and storage classes of types that some minor takes out of the tree. Of all others, and
// of what stands in a volume, nothing is kept.
// V1. What may not be listed is told in its place; the rest still is.

import { shippedKnowledge } from '../../domain/knowledge/shipped';
import type { VolumeInUse, VolumeList, VolumesObservation } from '../../domain/volumes-in-use';
import { PortError, type VolumeProbe } from '../ports';
import { problemOf } from '../problems';
import type { KubeConnection } from './kube-connection';
import { type KubeApiLimits, KubeRequests } from './kube-requests';

const entries = shippedKnowledge.flatMap(({ volumes = [] }) => volumes);

export function createVolumeProbe(connection: KubeConnection, limits?: KubeApiLimits): VolumeProbe {
  const requests = new KubeRequests(connection, limits);
  const { core, storage } = requests;
  return {
    async observe(signal) {
      const unlisted: VolumesObservation['unlisted'][number][] = [];
      const told = async <Item>(list: VolumeList, listing: Promise<readonly Item[]>) => {
        try {
          return await listing;
        } catch (error) {
          if (!(error instanceof PortError) || signal.aborted) throw error;
          unlisted.push({ list, problem: problemOf(error) });
          return undefined;
        }
      };
      const asking = (list: VolumeList) => ({ doing: `listing ${list}`, signal });
      const [volumes, classes, drivers] = await Promise.all([
        told(
          'persistentvolumes',
          requests.list(asking('persistentvolumes'), {
            request: (page, call) => core.listPersistentVolume(page, call),
            view: ({ metadata, spec }) =>
              use('PersistentVolume', metadata?.name, ({ field }) => has(spec, field)),
          }),
        ),
        told(
          'storageclasses',
          requests.list(asking('storageclasses'), {
            request: (page, call) => storage.listStorageClass(page, call),
            view: ({ metadata, provisioner }) =>
              use('StorageClass', metadata?.name, (entry) => entry.provisioner === provisioner),
          }),
        ),
        told(
          'csidrivers',
          requests.list(asking('csidrivers'), {
            request: (page, call) => storage.listCSIDriver(page, call),
            view: ({ metadata }) => metadata?.name ?? '',
          }),
        ),
      ]);
      return {
        uses: [...(volumes ?? []), ...(classes ?? [])].filter((one) => one !== undefined),
        ...(drivers === undefined ? {} : { drivers }),
        unlisted: unlisted.toSorted((a, b) => (a.list < b.list ? -1 : 1)),
      };
    },
  };
}

function has(spec: object | undefined, field: string): boolean {
  const value = (spec as Readonly<Record<string, unknown>> | undefined)?.[field];
  return value !== undefined && value !== null;
}

function use(
  kind: VolumeInUse['kind'],
  name = '',
  is: (entry: (typeof entries)[number]) => boolean,
): VolumeInUse | undefined {
  const entry = entries.find(is);
  return entry === undefined ? undefined : { field: entry.field, kind, name };
}
