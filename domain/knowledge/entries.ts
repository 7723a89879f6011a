// Entries of the catalogue by topic and key: what files are compared and overlaid by.

import type {
  ApiEntry,
  ConfigurationEntry,
  FlagEntry,
  GateEntry,
  ChangeEntry,
  KnowledgeTopic,
  ListTopic,
  MinorKnowledge,
  PluginEntry,
  VolumeEntry,
} from './knowledge';
import { listTopics, singleTopics } from './knowledge';
import { compareMinors } from '../versions';

/** `earlier` is before every minor. */
export function compareFileMinors(a: MinorKnowledge['minor'], b: MinorKnowledge['minor']): number {
  if (a === 'earlier' || b === 'earlier') return Number(b === 'earlier') - Number(a === 'earlier');
  return compareMinors(a, b);
}

export interface KnowledgeItem {
  readonly minor: MinorKnowledge['minor'];
  readonly topic: KnowledgeTopic;
  /** Within its minor and topic; of an API within all minors (K2). Empty for a single topic. */
  readonly key: string;
  readonly value: object;
}

const keys: {
  readonly apis: (entry: ApiEntry) => string;
  readonly flags: (entry: FlagEntry) => string;
  readonly gates: (entry: GateEntry) => string;
  readonly plugins: (entry: PluginEntry) => string;
  readonly configuration: (entry: ConfigurationEntry) => string;
  readonly volumes: (entry: VolumeEntry) => string;
  readonly changes: (entry: ChangeEntry) => string;
} = {
  apis: ({ group, version, kind }) => `${group === '' ? '' : `${group}/`}${version}/${kind}`,
  flags: ({ component, flag }) => `${component}/${flag}`,
  gates: ({ gate }) => gate,
  plugins: ({ plugin }) => plugin,
  configuration: ({ file, field }) => `${file}/${field}`,
  volumes: ({ field }) => field,
  changes: ({ id }) => id,
};

/** `flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema`, `kubelet/cloud-config`. */
function keyOf(topic: ListTopic, entry: object): string {
  return (keys[topic] as (entry: object) => string)(entry);
}

export function itemsOf(file: MinorKnowledge): readonly KnowledgeItem[] {
  const { minor } = file;
  return [
    ...singleTopics.flatMap((topic) => {
      const value = file[topic];
      return value === undefined ? [] : [{ minor, topic, key: '', value }];
    }),
    ...listTopics.flatMap((topic) =>
      (file[topic] ?? []).map((value) => ({ minor, topic, key: keyOf(topic, value), value })),
    ),
  ];
}

/** What no two entries may have in common. */
export function itemId({ minor, topic, key }: Omit<KnowledgeItem, 'value'>): string {
  return topic === 'apis' ? `apis ${key}` : `${minor} ${topic} ${key}`.trimEnd();
}
