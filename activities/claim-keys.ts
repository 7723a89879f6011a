// How claims are looked up: one key for one PersistentVolumeClaim.

import type { PodView, VolumeView } from './ports';

/** `shop/data-db-0`. */
export function claimKey({ namespace, name }: NonNullable<VolumeView['claim']>): string {
  return `${namespace}/${name}`;
}

/** Of every claim of the pod; they are of its namespace. */
export function claimKeysOf({ ref: { namespace }, claims = [] }: PodView): readonly string[] {
  return claims.map((name) => claimKey({ namespace, name }));
}
