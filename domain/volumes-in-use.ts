// Volumes and storage classes of types whose code has left the tree in some minor, and the CSI
// drivers that are there for them. Evidence only.

import type { Problem } from './observation';

export interface VolumeInUse {
  /** Field of a PersistentVolume, as the catalogue names types: `rbd`. */
  readonly field: string;
  readonly kind: 'PersistentVolume' | 'StorageClass';
  readonly name: string;
}

export type VolumeList = 'persistentvolumes' | 'storageclasses' | 'csidrivers';

export interface VolumesObservation {
  readonly uses: readonly VolumeInUse[];
  /** Names of CSIDrivers; absent where they could not be listed. */
  readonly drivers?: readonly string[];
  readonly unlisted: readonly { readonly list: VolumeList; readonly problem: Problem }[];
}
