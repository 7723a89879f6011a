// Options in the command line of a component, as a pod has it: names of flags, feature gates and
// admission plugins.
// W1. Nothing of a value is kept but such names, and those few that the catalogue asks for.
// W2. What is no flag is skipped, never refused: command lines are anybody's.

import type { V1Container } from '@kubernetes/client-node';

import {
  type ComponentOptions,
  type OptionComponent,
  optionComponents,
} from '../../domain/component-options';
import { askedSettings, settingKey } from '../../domain/knowledge/asked-settings';
import { shippedKnowledge } from '../../domain/knowledge/shipped';
import { compareTexts } from '../../domain/text-order';

/** A kube-apiserver has some 200 flags. */
const wordsMax = 2_000;

/** Undefined where no container runs a component. */
export function optionsOfContainers(
  containers: readonly Pick<V1Container, 'name' | 'command' | 'args'>[],
): ComponentOptions | undefined {
  for (const { name, command = [], args = [] } of containers) {
    const words = wordsOf([...command, ...args]).slice(0, wordsMax);
    const at = words.findIndex((word) => componentIn(word) !== undefined);
    // Without a command the program is that of the image, which the container is called after.
    const component = componentIn(words[at] ?? name);
    if (component !== undefined) return optionsOfWords(component, words.slice(at + 1));
  }
  return undefined;
}

function componentIn(word: string): OptionComponent | undefined {
  const program = baseName(word);
  return optionComponents.find((component) => component === program);
}

function baseName(word: string): string {
  return word.startsWith('-') ? '' : word.slice(word.lastIndexOf('/') + 1);
}

const shells: readonly string[] = ['sh', 'bash', 'ash', 'dash'];

/** What a shell is given as one word, it takes apart. */
function wordsOf(line: readonly string[]): readonly string[] {
  const [program = ''] = line;
  if (!shells.includes(baseName(program))) return line;
  return line
    .flatMap((text) => text.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [])
    .map((word) => word.replaceAll(/["']/g, ''));
}

/** etcd takes one dash for two; a single letter behind one is a short name. */
const flagPattern = /^(?:--|-(?=\w\w))([A-Za-z][\w.-]*)(?:=(.*))?$/s;

/** `--flag=value`, `--flag value` and `--flag`; one that is told twice counts once. */
export function optionsOfWords(
  component: OptionComponent,
  words: readonly string[],
): ComponentOptions {
  const flags = new Set<string>();
  const gates = new Set<string>();
  const plugins = new Set<string>();
  const values: Record<string, string> = {};
  for (const [index, word] of words.entries()) {
    const [, name, given] = flagPattern.exec(word) ?? [];
    if (name === undefined) continue;
    // Components take an underline for a dash.
    const flag = name.replaceAll('_', '-');
    flags.add(flag);
    const next = words[index + 1] ?? '';
    const value = given ?? (next.startsWith('-') ? '' : next);
    if (flag === 'feature-gates') gatesIn(value).forEach((gate) => gates.add(gate));
    if (pluginFlags.includes(flag)) namesIn(value).forEach((plugin) => plugins.add(plugin));
    if (isAsked(component, flag)) values[flag] = value.slice(0, valueMax);
  }
  return {
    component,
    flags: sorted(flags),
    gates: sorted(gates),
    plugins: sorted(plugins),
    ...(Object.keys(values).length === 0 ? {} : { values }),
  };
}

const asked = askedSettings(shippedKnowledge);
/** Those that are asked for are words. */
export const valueMax = 100;

/** Whether the value of a flag or a field may be kept. */
export function isAsked(component: OptionComponent, name: string): boolean {
  return asked.has(settingKey(component, name));
}

/** An API server refuses a plugin that it does not know, also one that is to be off. */
const pluginFlags: readonly string[] = ['enable-admission-plugins', 'disable-admission-plugins'];

function gatesIn(value: string): readonly string[] {
  return value.split(',').flatMap((each) => {
    const [, gate] = /^(?:kube:)?([A-Za-z]\w*)=/.exec(each.trim()) ?? [];
    return gate === undefined ? [] : [gate];
  });
}

function namesIn(value: string): readonly string[] {
  return value
    .split(',')
    .map((each) => each.trim())
    .filter((each) => /^[A-Za-z]\w*$/.test(each));
}

function sorted(names: ReadonlySet<string>): readonly string[] {
  return [...names].toSorted(compareTexts);
}
