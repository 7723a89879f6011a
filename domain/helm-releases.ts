// What Helm has stored of its releases: of each the latest revision that is deployed. Evidence
// only; what of it matters to a hop, domain/preflight says.
// R1. Nothing but names, kinds and versions is kept: no value, no manifest, no text of a Secret.
// Authority: helm.sh/docs/topics/advanced, storage backends; pkg/storage/driver of Helm.

import type { Problem } from './observation';
import type { ManifestObject } from './scan/scan-findings';

/** Where Helm keeps releases, as people say to which one their rights are. */
export const helmStores = ['secrets', 'configmaps'] as const;

export type HelmStore = (typeof helmStores)[number];

interface HelmRecord {
  /** `web/shop`: namespace and name of the release. */
  readonly name: string;
  readonly revision: number;
}

export interface HelmRelease extends HelmRecord {
  /** `web-1.2.3`; absent where the record does not say it, or strangely. */
  readonly chart?: string;
  /** Those that the catalogue knows; places are templates of the chart. */
  readonly objects: readonly ManifestObject[];
}

export const helmFlaws = ['corrupt', 'too-large', 'too-deep', 'manifest-unread'] as const;

/** Why the record of a release, or a part of it, could not be read. */
export type HelmFlaw = (typeof helmFlaws)[number];

export interface UnreadHelmRelease extends HelmRecord {
  readonly flaw: HelmFlaw;
}

export interface HelmReleasesObservation {
  readonly releases: readonly HelmRelease[];
  readonly unread: readonly UnreadHelmRelease[];
  readonly unlisted: readonly { readonly store: HelmStore; readonly problem: Problem }[];
  /** Releases that were not looked at, as there are too many. */
  readonly leftOut: number;
}
