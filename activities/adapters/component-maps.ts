// Options in the ConfigMaps that kubeadm writes components' configuration from.
// M1. Nothing of a value is kept but names (component-words.ts), and no parser's message: it may
//     repeat what it read.

import { parse } from 'yaml';

import {
  type ComponentOptions,
  type OptionComponent,
  type OptionMap,
} from '../../domain/component-options';
import { compareTexts } from '../../domain/text-order';
import { isAsked, optionsOfWords, valueMax } from './component-words';

/** What kubeadm writes has some kilobytes. */
const textMax = 256 * 1024;
/** None of these needs an alias; a bomb is made of them. */
const aliasesMax = 100;

interface MapForm {
  readonly key: string;
  readonly kind: string;
  readonly optionsIn: (file: YamlObject) => readonly ComponentOptions[];
}

type YamlObject = Readonly<Record<string, unknown>>;

const forms: Readonly<Record<OptionMap, MapForm>> = {
  'kubeadm-config': {
    key: 'ClusterConfiguration',
    kind: 'ClusterConfiguration',
    optionsIn: (file) => [
      ...extraArgsOf('kube-apiserver', file['apiServer']),
      ...extraArgsOf('kube-controller-manager', file['controllerManager']),
      ...extraArgsOf('kube-scheduler', file['scheduler']),
      ...extraArgsOf('etcd', objectOf(file['etcd'])?.['local']),
    ],
  },
  'kubelet-config': {
    key: 'kubelet',
    kind: 'KubeletConfiguration',
    optionsIn: (file) => [settingsOf('kubelet', file)],
  },
  'kube-proxy': {
    key: 'config.conf',
    kind: 'KubeProxyConfiguration',
    optionsIn: (file) => [settingsOf('kube-proxy', file)],
  },
};

export type ReadMap =
  | { readonly kind: 'read'; readonly options: readonly ComponentOptions[] }
  | { readonly kind: 'unread'; readonly why: string };

/** What the data of one of these ConfigMaps tells. Never throws. */
export function readOptionMap(
  map: OptionMap,
  data: Readonly<Record<string, string>> | undefined,
): ReadMap {
  const { key, kind, optionsIn } = forms[map];
  const text = data?.[key];
  if (text === undefined) return { kind: 'unread', why: `it has no ${key}` };
  if (text.length > textMax) return { kind: 'unread', why: `its ${key} is longer than 256 KiB` };
  const file = parsed(text);
  if (file?.['kind'] !== kind) return { kind: 'unread', why: `its ${key} is no ${kind}` };
  return { kind: 'read', options: optionsIn(file) };
}

function parsed(text: string): YamlObject | undefined {
  try {
    return objectOf(parse(text, { maxAliasCount: aliasesMax, logLevel: 'error' }));
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): YamlObject | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as YamlObject) : undefined;
}

/** `{ name: value }`; from v1beta4 on `[{ name, value }]`, in which a name may stand twice. */
function extraArgsOf(component: OptionComponent, section: unknown): readonly ComponentOptions[] {
  const args: unknown = objectOf(section)?.['extraArgs'];
  const pairs = Array.isArray(args)
    ? args.map((one) => [objectOf(one)?.['name'], objectOf(one)?.['value']] as const)
    : Object.entries(objectOf(args) ?? {});
  const words = pairs.map(([name, value]) => `--${textOf(name)}=${textOf(value)}`);
  return words.length === 0 ? [] : [optionsOfWords(component, words)];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function settingsOf(component: OptionComponent, file: YamlObject): ComponentOptions {
  const gates = Object.keys(objectOf(file['featureGates']) ?? {}).toSorted(compareTexts);
  const values = Object.entries(file).flatMap(([field, value]) =>
    isAsked(component, field) && isScalar(value)
      ? [[field, String(value).slice(0, valueMax)] as const]
      : [],
  );
  return {
    component,
    flags: [],
    gates,
    plugins: [],
    ...(values.length === 0 ? {} : { values: Object.fromEntries(values) }),
  };
}

function isScalar(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}
