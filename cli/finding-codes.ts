// Codes of checks, as `--only` names them.

import { distance } from 'fastest-levenshtein';

import { meantWord, withSuggestion } from '../domain/input-words';
import type { FindingCode } from '../domain/preflight/findings';
import { findingCodes } from '../domain/preflight/findings';
import { CliError, usageError } from './cli-error';
import { exitCodes } from './exit-codes';

/** Parted by commas. Throws CliError `usage` with every one that is not known. */
export function findingCodesIn(text: string): readonly FindingCode[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) throw usageError('--only names no check', remedy);
  const found = names.map((name) => findingCodes.find((code) => code === name) ?? { name });
  const problems = found.flatMap((one) => (typeof one === 'string' ? [] : [problemOf(one.name)]));
  if (problems.length === 0) return found.filter((one) => typeof one === 'string');
  throw new CliError({
    exitCode: exitCodes.invalidInput,
    code: 'usage',
    message: '--only names checks that are not known',
    remedy,
    problems,
  });
}

const remedy = 'docs/operate.md has their codes ("Preflight findings"); part them by commas';

function problemOf(name: string): string {
  return withSuggestion(name, meantWord(name, findingCodes, distance));
}
