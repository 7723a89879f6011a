// What is known of add-ons and minors, as data: knowledge/addons/*.yaml as it is read.
// A1. An add-on has what its own project says, or why that is unknown. Nothing is guessed: a
//     release that no entry is about is not known.
// A2. Every statement names its source, with the day of the text that was read.

import type { KubeMinor } from '../versions';

/**
 * How strongly its project says it: `requires` what it does not work without, `supports` and
 * `tests` what it stands for, `recommends` what it advises.
 */
export const addonStatements = ['requires', 'supports', 'tests', 'recommends'] as const;

export type AddonStatement = (typeof addonStatements)[number];

/** Releases of an add-on, and the minors that they go with. */
export interface AddonReleases {
  /** A release, or a series of them: `1.9.6`, `1.14`. */
  readonly first: string;
  /** Absent: all that follow. */
  readonly last?: string;
  readonly from: KubeMinor;
  /** Absent: no newest one is named. */
  readonly to?: KubeMinor;
  readonly source: string;
  /** The user's file that says so; absent: it ships. */
  readonly file?: string;
}

export interface AddonHead {
  readonly schema: 'ascent.addon/v1';
  /** `cert-manager`. */
  readonly addon: string;
  readonly title: string;
  /** Ends of the names of images, without registry and tag: `ingress-nginx/controller`. */
  readonly images: readonly string[];
  /** Names of CustomResourceDefinitions that nothing else brings. */
  readonly definitions?: readonly string[];
  /** Its version is in the label app.kubernetes.io/version; absent: in the tag of its image. */
  readonly versionFrom?: 'label';
  readonly sources: Readonly<Record<string, { readonly url: string; readonly date: string }>>;
  /** The user's file by which it is said, or how strongly; absent: it ships. */
  readonly file?: string;
}

/** Of which nothing is known by release. */
export interface UnknownAddon extends AddonHead {
  readonly unknown: { readonly why: string; readonly source: string };
}

export interface ListedAddon extends AddonHead {
  readonly statement: AddonStatement;
  /** Oldest first. */
  readonly releases: readonly AddonReleases[];
}

/** Its versions are those of Kubernetes. */
export interface FollowingAddon extends AddonHead {
  readonly statement: AddonStatement;
  /** How many minors it may be behind API servers, never ahead. */
  readonly follows: { readonly behind: number; readonly source: string };
}

export type KnownAddon = ListedAddon | FollowingAddon;
export type Addon = KnownAddon | UnknownAddon;

/** Of an image by its name: `registry.example.com:5000/calico/node:v3.26.1@sha256:…`. */
export interface ImageName {
  /** `calico/node`; without the registry only where that can be told. */
  readonly path: string;
  readonly tag?: string;
}

export function parseImage(image: string): ImageName {
  const name = image.replace(/@.*$/s, '');
  const slash = name.lastIndexOf('/');
  const colon = name.indexOf(':', slash + 1);
  return colon < 0 ? { path: name } : { path: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** The add-on that an image is of. */
export function addonOf(image: string, addons: readonly Addon[]): Addon | undefined {
  const { path } = parseImage(image);
  return addons.find(({ images }) =>
    images.some((end) => path === end || path.endsWith(`/${end}`)),
  );
}

const versionPattern = /^(?:v|stable-|release-)?(\d{1,5}(?:\.\d{1,5}){1,2})(?:[-+].*)?$/;

/** `v1.28.15-eksbuild.1` → `1.28.15`; undefined for what is no version. */
export function addonVersion(text: string): string | undefined {
  return versionPattern.exec(text)?.[1];
}

/** Negative when `version` is before the series, 0 within it: 1.14.3 is within 1.14. */
export function compareToSeries(version: string, series: string): number {
  const numbers = version.split('.');
  const [different = 0] = series
    .split('.')
    .map((part, index) => Number(numbers[index] ?? 0) - Number(part))
    .filter((difference) => difference !== 0);
  return different;
}

/** What is known of one release, by a user's file first; undefined: nothing (A1). */
export function releasesOf(
  { releases }: Pick<ListedAddon, 'releases'>,
  version: string,
): AddonReleases | undefined {
  const about = releases.filter(
    ({ first, last }) =>
      compareToSeries(version, first) >= 0 &&
      (last === undefined || compareToSeries(version, last) <= 0),
  );
  return about.find(({ file }) => file !== undefined) ?? about[0];
}
