// Where the catalogue (knowledge/) and real programs of two minors, one after the other, do not say
// the same. Pure: programs.ts asks them.
// M1. What a minor removed is there before it, and not there in it and after it.
// M2. What is gone is in the catalogue, under the minor that removed it.
// M3. A gate that a later minor knows again was brought to an older patch of the minor before, and
//     was not removed.

import type { ApiEntry, Knowledge, MinorKnowledge } from '../../domain/knowledge/knowledge';
import { fileOf } from '../../domain/knowledge/lookups';
import type { KubeMinor } from '../../domain/versions';
import { compareMinors } from '../../domain/versions';

/** A resource as an API server lists it; `name` has a subresource after a slash. */
export interface ServedResource {
  /** `v1`, `flowcontrol.apiserver.k8s.io/v1`. */
  readonly version: string;
  readonly name: string;
  readonly kind: string;
}

export interface ProgramFlags {
  readonly component: string;
  /** Those of `--help`: deprecated ones are often hidden. */
  readonly shown: ReadonlySet<string>;
  /** Of flags that were asked about: whether the program knows them. */
  readonly knows: (flag: string) => Promise<boolean>;
}

/** What programs of one minor say. */
export interface RealMinor {
  readonly minor: KubeMinor;
  readonly served: readonly ServedResource[];
  readonly gates: ReadonlySet<string>;
  /** Admission plugins, as `--help` of the API server lists them. */
  readonly plugins: ReadonlySet<string>;
  /** Of each component that is installed. */
  readonly flags: readonly ProgramFlags[];
}

/** One line for each; empty when both say the same. */
export async function mismatchesOf(
  knowledge: Knowledge,
  reals: readonly RealMinor[],
): Promise<readonly string[]> {
  const oldestFirst = reals.toSorted((a, b) => compareMinors(a.minor, b.minor));
  const lines = oldestFirst.flatMap((real) => presenceMismatches(knowledge, real));
  for (const [index, now] of oldestFirst.entries()) {
    const before = oldestFirst[index - 1];
    const file = fileOf(knowledge, now.minor);
    if (before === undefined || file === undefined) continue;
    lines.push(
      ...apiMismatches(file, before, now),
      ...gateMismatches(file, before, [now, ...oldestFirst.slice(index + 1)]),
      ...pluginMismatches(file, before, now),
      ...(await flagMismatches(file, before, now)),
    );
  }
  return lines;
}

/** Entries that API servers can be asked about. */
function servedEntries(knowledge: Knowledge): readonly ApiEntry[] {
  return knowledge
    .flatMap(({ apis = [] }) => apis)
    .filter(({ scope, resource }) => scope === undefined && resource !== undefined)
    .filter(({ resource = '' }) => !resource.includes('/'));
}

function versionOf({ group, version }: Pick<ApiEntry, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

function isServed(served: readonly ServedResource[], entry: ApiEntry): boolean {
  const version = versionOf(entry);
  return served.some((one) => one.version === version && one.name === entry.resource);
}

/** M1 for everything removed up to a minor. */
function presenceMismatches(knowledge: Knowledge, { minor, served }: RealMinor): readonly string[] {
  return servedEntries(knowledge)
    .filter(({ removed }) => removed !== undefined && compareMinors(removed, minor) <= 0)
    .filter((entry) => isServed(served, entry))
    .map((entry) => {
      const { kind, removed } = entry;
      return `${minor} serves ${versionOf(entry)} ${kind}, which ${removed} removed`;
    });
}

function apiMismatches(file: MinorKnowledge, before: RealMinor, now: RealMinor): readonly string[] {
  const removals = servedEntries([file]).filter(({ removed }) => removed === now.minor);
  const never = removals
    .filter((entry) => !isServed(before.served, entry))
    .map((entry) => `${before.minor} does not serve ${versionOf(entry)} ${entry.kind} either`);
  const has = (all: readonly ServedResource[], { version, name }: ServedResource): boolean =>
    all.some((one) => one.version === version && one.name === name);
  const untold = before.served
    .filter((one) => !has(now.served, one))
    .filter(
      ({ version, name }) =>
        !removals.some(
          (entry) => versionOf(entry) === version && entry.resource === name.split('/')[0],
        ),
    )
    .map(({ version, name }) => `${now.minor} removed ${version} ${name}, which is not said`);
  return [...never, ...untold];
}

function gateMismatches(
  { gates = [] }: MinorKnowledge,
  before: RealMinor,
  [now, ...later]: readonly [RealMinor, ...RealMinor[]],
): readonly string[] {
  const isBack = (gate: string): boolean => later.some((real) => real.gates.has(gate));
  const removed = gates.filter(({ change }) => change === 'removed').map(({ gate }) => gate);
  return [
    ...removed
      .filter((gate) => now.gates.has(gate))
      .map((gate) => `${now.minor} knows the gate ${gate}, which it removed`),
    ...removed
      .filter((gate) => !before.gates.has(gate))
      .map((gate) => `${before.minor} does not know the gate ${gate} either`),
    ...[...before.gates]
      .filter((gate) => !now.gates.has(gate) && !removed.includes(gate) && !isBack(gate))
      .map((gate) => `${now.minor} removed the gate ${gate}, which is not said`),
  ];
}

function pluginMismatches(
  { plugins = [] }: MinorKnowledge,
  before: RealMinor,
  now: RealMinor,
): readonly string[] {
  const removed = plugins.map(({ plugin }) => plugin);
  return [
    ...removed
      .filter((plugin) => now.plugins.has(plugin))
      .map((plugin) => `${now.minor} knows the plugin ${plugin}, which it removed`),
    ...removed
      .filter((plugin) => !before.plugins.has(plugin))
      .map((plugin) => `${before.minor} does not know the plugin ${plugin} either`),
    ...[...before.plugins]
      .filter((plugin) => !now.plugins.has(plugin) && !removed.includes(plugin))
      .map((plugin) => `${now.minor} removed the plugin ${plugin}, which is not said`),
  ];
}

async function flagMismatches(
  { flags = [] }: MinorKnowledge,
  before: RealMinor,
  now: RealMinor,
): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const program of now.flags) {
    const { component } = program;
    const older = before.flags.find((one) => one.component === component);
    if (older === undefined) continue;
    const removed = flags
      .filter((one) => one.component === component && one.change === 'removed')
      .map(({ flag }) => flag);
    for (const flag of removed) {
      const name = `the flag ${component} --${flag}`;
      if (await program.knows(flag)) lines.push(`${now.minor} knows ${name}, which it removed`);
      if (!(await older.knows(flag))) lines.push(`${before.minor} does not know ${name} either`);
    }
    for (const flag of [...older.shown].filter((one) => !program.shown.has(one))) {
      if (removed.includes(flag) || (await program.knows(flag))) continue;
      lines.push(`${now.minor} removed the flag ${component} --${flag}, which is not said`);
    }
  }
  return lines;
}
