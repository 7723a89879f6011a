// What a file of knowledge/addons/ may say: one schema for reading it and for the JSON Schema that
// editors complete it with (docs/addon.schema.json).

import { z } from 'zod';

import { type Addon, addonStatements } from '../../domain/knowledge/addons';
import { minorSchema } from './knowledge-schema';

const text = z.string().min(1);
const release = z
  .string('expected a quoted release or series such as "1.10"')
  .regex(/^\d+\.\d+(\.\d+)?$/, 'expected a release or series such as "1.10"')
  .meta({ description: 'A release, or a series of them. Quote it: 1.10 is the number 1.1.' });
const source = text.meta({ description: 'A key of `sources`.' });

const head = {
  schema: z.literal('ascent.addon/v1'),
  addon: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'expected a name such as "cert-manager"'),
  title: text,
  images: z
    .array(z.string().regex(/^[a-z0-9][a-z0-9./_-]*$/, 'expected the end of a name of an image'))
    .min(1)
    .meta({ description: 'Ends of the names of images, without registry and tag.' }),
  definitions: z.array(text).optional(),
  versionFrom: z.literal('label').optional(),
  sources: z.record(
    z.string().regex(/^\w+$/),
    z.strictObject({
      url: z.string().regex(/^https:\/\/\S+$/, 'expected https://…'),
      date: z.iso.date().meta({ description: 'Of the text that was read.' }),
    }),
  ),
};

const statement = z
  .enum(addonStatements)
  .meta({ description: 'How strongly its project says it; `requires` blocks a hop.' });

const releases = z
  .array(
    z.strictObject({
      first: release,
      last: release.optional(),
      from: minorSchema,
      to: minorSchema.optional(),
      source,
    }),
  )
  .min(1)
  .meta({ description: 'Oldest first. Without `last`: all that follow; without `to`: no end.' });

const unknown = z.strictObject({ why: text, source });
const follows = z.strictObject({ behind: z.int().min(0).max(3), source });

const unknownSchema = z.strictObject({ ...head, unknown });
const listedSchema = z.strictObject({ ...head, statement, releases });
const followingSchema = z.strictObject({ ...head, statement, follows });

/** Of one that ships: what a file does not say stays as it is. */
const partialSchema = z
  .strictObject({ ...head, statement, unknown, releases, follows })
  .partial()
  .required({ schema: true, addon: true });

/** A project of which nothing is said by release says nothing strongly. */
const partialUnsaidSchema = partialSchema.superRefine((said, context) => {
  const isSaid = said.releases !== undefined || said.follows !== undefined;
  if (isSaid === (said.statement !== undefined)) return;
  const message = 'goes with `releases` or `follows`, as nothing of it ships';
  context.addIssue({ code: 'custom', path: ['statement'], message });
});

/** By what a file says, so that problems are about that. */
export function addonSchemaFor(value: unknown): z.ZodType {
  const has = (key: string): boolean =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  if (has('unknown')) return unknownSchema;
  return has('follows') ? followingSchema : listedSchema;
}

/** Whole where nothing ships under its name; then as above. */
export function ownAddonSchemaFor(shipped: readonly Addon[]): (value: unknown) => z.ZodType {
  return (value) => {
    const named = z.object({ addon: z.string() }).safeParse(value);
    const ships = shipped.find(({ addon }) => addon === named.data?.addon);
    if (ships === undefined) return addonSchemaFor(value);
    const partial = 'unknown' in ships ? partialUnsaidSchema : partialSchema;
    return partial.refine(
      (said) => [said.unknown, said.follows, said.releases].filter(isThere).length <= 1,
      'only one of unknown, follows and releases can be said',
    );
  };
}

function isThere(said: unknown): boolean {
  return said !== undefined;
}

export function addonJsonSchema(): unknown {
  const any = z.union([listedSchema, followingSchema, unknownSchema]);
  return z.toJSONSchema(any, { io: 'input', target: 'draft-2020-12' });
}
