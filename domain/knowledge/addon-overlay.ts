// Lays files of users about add-ons over those that ship. A file of another name adds an add-on; of
// one that ships it says what else, or something else, is to be known.
// V1. Of releases that a user's file is about, what ships is not asked.
// V2. What a user's file says carries its name, so that nobody takes it for the project's word.

import type { Addon, AddonHead, AddonReleases, FollowingAddon, UnknownAddon } from './addons';
import { type AddonStatement, compareToSeries } from './addons';

type HeadParts = Pick<AddonHead, 'title' | 'images' | 'definitions' | 'versionFrom' | 'sources'>;

/** What a file may say: all of it where no add-on of its name ships, else what it is about. */
export interface OwnAddon extends Partial<HeadParts> {
  readonly addon: string;
  readonly statement?: AddonStatement;
  readonly releases?: readonly AddonReleases[];
  readonly follows?: FollowingAddon['follows'];
  readonly unknown?: UnknownAddon['unknown'];
}

/** A file of a user's own: `calico.yaml`. */
export interface OwnAddonFile {
  readonly file: string;
  readonly content: OwnAddon;
}

/** The add-on as it is known with the file; `shipped`: the one of its name. */
export function withOwnFile(shipped: Addon | undefined, own: OwnAddonFile): Addon {
  const { file, content } = own;
  const { releases, follows, unknown } = content;
  const about = { ...shipped, ...headOf(shipped, own) } as Addon;
  const named = <Sourced extends { readonly source: string }>(one: Sourced): Sourced => ({
    ...one,
    source: ownKey(file, one.source),
  });
  if (releases !== undefined) {
    const rows = releases.map((row) => ({ ...named(row), file }));
    const before = 'releases' in about ? about.releases : [];
    return { ...withoutSaid(about), releases: laid(rows, before) } as Addon;
  }
  if (follows !== undefined) {
    return { ...withoutSaid(about), follows: named(follows), file } as Addon;
  }
  if (unknown === undefined) return about;
  return { ...withoutSaid(about), unknown: named(unknown), file } as Addon;
}

/** All but what is said of releases. */
function headOf(shipped: Addon | undefined, { file, content }: OwnAddonFile): object {
  const { statement, sources = {}, images = [], definitions = [], ...rest } = content;
  const { releases: _releases, follows: _follows, unknown: _unknown, ...head } = rest;
  const own = Object.entries(sources).map(([key, source]) => [ownKey(file, key), source]);
  return {
    ...head,
    schema: 'ascent.addon/v1',
    images: [...(shipped?.images ?? []), ...images],
    definitions: [...(shipped?.definitions ?? []), ...definitions],
    sources: { ...shipped?.sources, ...Object.fromEntries(own) },
    ...(statement === undefined ? {} : { statement, file }),
  };
}

/** Keys of sources that a file of users has are told apart from those that ship. */
function ownKey(file: string, key: string): string {
  return `${file}: ${key}`;
}

/** One of the three is said of an add-on. */
function withoutSaid(addon: Addon): object {
  const {
    unknown: _unknown,
    follows: _follows,
    releases: _releases,
    ...rest
  } = addon as Addon & Pick<OwnAddon, 'unknown' | 'follows' | 'releases'>;
  return rest;
}

/** Oldest first; V1 for those that are covered as wholes, of the others releasesOf takes care. */
function laid(
  own: readonly AddonReleases[],
  shipped: readonly AddonReleases[],
): readonly AddonReleases[] {
  const isCovered = ({ first, last }: AddonReleases): boolean =>
    own.some(
      (one) =>
        compareToSeries(first, one.first) >= 0 &&
        (one.last === undefined || (last !== undefined && compareToSeries(last, one.last) <= 0)),
    );
  const all = [...own, ...shipped.filter((row) => !isCovered(row))];
  return all.toSorted((a, b) => compareToSeries(a.first, `${b.first}.0.0`));
}

/** All that are known: of each name what users have of it, before those that only ship. */
export function withOwnAddons(shipped: readonly Addon[], own: readonly Addon[]): readonly Addon[] {
  const names = new Set(own.map(({ addon }) => addon));
  return [...own, ...shipped.filter(({ addon }) => !names.has(addon))];
}
