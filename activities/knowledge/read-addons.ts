// Reads files of add-ons: every problem of all of them at once, each with its file and line.

import type { OwnAddon } from '../../domain/knowledge/addon-overlay';
import type { Addon } from '../../domain/knowledge/addons';
import { compareTexts } from '../../domain/text-order';
import { addonSchemaFor } from './addon-schema';
import { type KnowledgeResult, type KnowledgeText, readWith } from './read-knowledge';

/** Each file alone, and that no add-on is in two of them. Throws nothing. */
export function readAddons(texts: readonly KnowledgeText[]): KnowledgeResult<Addon> {
  const results = texts.map((one) => readWith<Addon>(one, addonSchemaFor));
  const files = results.flatMap((one) => (one.kind === 'read' ? [one.file] : []));
  const problems = [
    ...results.flatMap((one) => (one.kind === 'invalid' ? one.problems : [])),
    ...files.flatMap(sourceProblems),
    ...doubleProblems(files),
  ];
  if (problems.length > 0) return { kind: 'invalid', problems };
  return { kind: 'read', files: files.toSorted((a, b) => compareTexts(a.addon, b.addon)) };
}

export function doubleProblems(files: readonly Pick<Addon, 'addon'>[]): readonly string[] {
  const names = files.map(({ addon }) => addon);
  const doubles = names.filter((name, index) => names.indexOf(name) !== index);
  return doubles.map((name) => `${name} is there twice`);
}

/** Sources that are named and not there, or there and not named. */
export function sourceProblems(addon: OwnAddon): readonly string[] {
  const used = new Set(usedSources(addon));
  const keys = Object.keys(addon.sources ?? {});
  return [
    ...[...used]
      .filter((key) => !keys.includes(key))
      .map((key) => `${addon.addon}: source ${key} is not in sources`),
    ...keys
      .filter((key) => !used.has(key))
      .map((key) => `${addon.addon}: sources.${key}: nothing names it`),
  ];
}

function usedSources({ unknown, follows, releases = [] }: OwnAddon): readonly string[] {
  const said = [unknown, follows, ...releases].filter((one) => one !== undefined);
  return said.map(({ source }) => source);
}
