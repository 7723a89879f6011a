// What a file of knowledge/ may say, and what a user's own file beside it: one schema for reading
// them and for the JSON Schema that editors complete them with (docs/knowledge.schema.json).

import { z } from 'zod';

import { optionComponents } from '../../domain/component-options';
import { severities } from '../../domain/findings/finding';
import { knowledgeTopics, listTopics } from '../../domain/knowledge/knowledge';
import { parseMinor, parseVersion } from '../../domain/versions';

const text = z.string().min(1);
const minor = z
  .string('expected a quoted minor such as "1.30"')
  .refine((value) => parseMinor(value) === value, 'expected a minor such as "1.30"')
  .meta({ description: 'A minor. Quote it: 1.30 is the number 1.3.' });
/** A minor, quoted. */
export const minorSchema = minor;

const release = z
  .string()
  .refine((value) => parseVersion(value) === value, 'expected a release such as "1.30.14"');
const day = z.iso.date();

/** `https://…`, `KEP-4563`, or a place in sources: `pkg/volume of 1.30.14 and 1.31.4`. */
const sourcePattern = /^https:\/\/\S+$|^KEP-\d+$|[/ ]/;
const source = text.meta({
  description: 'A key of `sources` of this file; or an address, a KEP, or a place in sources.',
});

const entry = { note: text.optional(), source };
const overlaid = {
  replace: z
    .literal(true)
    .optional()
    .meta({ description: 'Only in files of your own: takes the place of what ships.' }),
};

const singles = {
  support: { released: day, ends: day.optional(), source },
  images: { of: release, etcd: text, coredns: text, pause: text, source },
  etcd: { minimum: release, source },
  containerd: { minimums: z.array(release).min(1), source },
  cgroup: { v1: z.enum(['maintained', 'refused']), source },
};

const component = z.enum(optionComponents);

/** What a preflight can see of a cluster: ChangeCondition of domain/knowledge/knowledge.ts. */
const condition = z.discriminatedUnion('when', [
  z.strictObject({ when: z.literal('always') }),
  z.strictObject({
    when: z.literal('flag'),
    component,
    flag: text.regex(/^[^-*]+(-[^-*]+)*(-\*)?$/, 'expected a flag, or the beginning of some: a-*'),
    isNot: z.array(z.string()).min(1).optional(),
  }),
  z.strictObject({ when: z.literal('gate'), gate: text }),
  z.strictObject({ when: z.literal('field'), file: component, field: text, is: z.string() }),
  z.strictObject({
    when: z.literal('stored'),
    api: text.regex(/^[a-z0-9.-]+\/v\d+((alpha|beta)\d+)?$/, 'expected group/version'),
    kind: text.optional(),
  }),
  z.strictObject({ when: z.literal('volume'), field: text }),
  z.strictObject({ when: z.literal('addon'), addon: text }),
  z.strictObject({ when: z.literal('containerd-below'), version: release }),
  z.strictObject({ when: z.literal('cgroup-v1') }),
]);

const lists = {
  apis: {
    group: z.string(),
    version: z.string().regex(/^v\d+((alpha|beta)\d+)?$/, 'expected a version such as "v1beta1"'),
    kind: text.meta({ description: 'A kind, or * for every kind of this version.' }),
    resource: text.optional(),
    deprecated: minor.optional(),
    removed: minor.optional(),
    replacement: text.optional(),
    scope: z.enum(['file', 'wire']).optional(),
    component: text.optional(),
    ...entry,
  },
  flags: {
    component: text,
    flag: text.regex(/^[^-]/, 'expected a flag without its dashes'),
    change: z.enum(['removed', 'deprecated']),
    ...entry,
  },
  gates: {
    gate: text,
    change: z.enum(['removed', 'locked']),
    to: z.boolean().optional(),
    ...entry,
  },
  plugins: { plugin: text, change: z.literal('removed'), ...entry },
  configuration: {
    file: text,
    field: text,
    change: z.enum(['added', 'removed', 'deprecated', 'default', 'meaning']),
    ...entry,
  },
  volumes: {
    field: text,
    provisioner: text,
    driver: text.optional(),
    change: z.literal('removed'),
    ...entry,
  },
  changes: {
    id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'expected a name such as "cri-v1-only"'),
    severity: z.enum(severities),
    appliesTo: text,
    applies: z
      .array(condition)
      .min(1)
      .optional()
      .meta({ description: 'Where a preflight sees that it applies: one of these is enough.' }),
    what: text,
    remedy: text,
    source,
  },
};

type Shape = Readonly<Record<string, z.ZodType>>;

/** Every topic, optional; `more` is what each of its entries may say beside. */
function topicFields(more: Shape) {
  const single = Object.entries(singles).map(([topic, shape]) => [
    topic,
    z.strictObject({ ...shape, ...more }).optional(),
  ]);
  const list = Object.entries(lists).map(([topic, shape]) => [
    topic,
    z.array(z.strictObject({ ...shape, ...more })).optional(),
  ]);
  return Object.fromEntries([...single, ...list]) as Record<string, z.ZodType>;
}

const head = {
  schema: z.literal('ascent.knowledge/v1'),
  minor: z
    .string('expected a quoted minor such as "1.30"')
    .refine(
      (value) => value === 'earlier' || parseMinor(value) === value,
      'expected a minor such as "1.30", or earlier',
    )
    .meta({ description: 'The minor that this file is about (quoted), or earlier: before all.' }),
  sources: z.record(z.string().regex(/^\w+$/), text.regex(sourcePattern)).default({}),
};

const unknown = z
  .array(z.strictObject({ topic: z.enum(knowledgeTopics), why: text }))
  .optional()
  .meta({ description: 'Topics that were not looked into, or not found, each with the reason.' });

const shippedSchema = z.strictObject({
  ...head,
  known: z
    .array(z.enum(knowledgeTopics))
    .meta({ description: 'Topics of which the entries below are all there are.' }),
  unknown,
  ...topicFields({}),
});

const overlaySchema = z.strictObject({
  ...head,
  known: z.array(z.enum(knowledgeTopics)).default([]),
  unknown,
  ...topicFields(overlaid),
  withdraw: z
    .array(z.strictObject({ topic: z.enum(listTopics), key: text, why: text }))
    .default([])
    .meta({ description: 'Entries that ship and do not hold for you, by topic and key.' }),
});

/** `shipped`: knowledge/ of this project; `overlay`: a file of its users. */
export const knowledgeSchemas = { shipped: shippedSchema, overlay: overlaySchema } as const;

export type KnowledgeFileKind = keyof typeof knowledgeSchemas;

export function isOwnSource(value: string): boolean {
  return sourcePattern.test(value);
}

/** Of files of both kinds, as people write them: docs/knowledge.schema.json. */
export function knowledgeJsonSchema(): unknown {
  return z.toJSONSchema(overlaySchema, { io: 'input', target: 'draft-2020-12' });
}
