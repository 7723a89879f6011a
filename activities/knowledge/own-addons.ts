// Reads a user's own files of add-ons: every problem of all of them at once, with file and line.

import path from 'node:path';

import type { OwnAddon } from '../../domain/knowledge/addon-overlay';
import { withOwnFile } from '../../domain/knowledge/addon-overlay';
import type { Addon } from '../../domain/knowledge/addons';
import { ownAddonSchemaFor } from './addon-schema';
import { doubleProblems, sourceProblems } from './read-addons';
import { type KnowledgeResult, type KnowledgeText, readWith } from './read-knowledge';

/** Each as it is to be known, laid over what ships under its name. Throws nothing. */
export function readOwnAddons(
  texts: readonly KnowledgeText[],
  shipped: readonly Addon[],
): KnowledgeResult<Addon> {
  const results = texts.map(({ name, text }) => {
    const file = path.basename(name);
    return { file, result: readWith<OwnAddon>({ name: file, text }, ownAddonSchemaFor(shipped)) };
  });
  const read = results.flatMap(({ file, result }) =>
    result.kind === 'read' ? [{ file, content: result.file }] : [],
  );
  const problems = [
    ...results.flatMap(({ result }) => (result.kind === 'invalid' ? result.problems : [])),
    ...read.flatMap(({ content }) => sourceProblems(content)),
    ...doubleProblems(read.map(({ content }) => content)),
  ];
  if (problems.length > 0) return { kind: 'invalid', problems };
  const files = read.map((one) =>
    withOwnFile(
      shipped.find(({ addon }) => addon === one.content.addon),
      one,
    ),
  );
  return { kind: 'read', files };
}
