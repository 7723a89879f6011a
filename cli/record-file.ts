// Reads a change record from a file: the JSON, or the page that holds the same. Nothing of it is
// believed yet: the chain and the page are checked by whoever asks (commands/report.ts).

import { z } from 'zod';

import type { ChangeRecord } from '../domain/record/record';
import { changeRecordSchema } from '../domain/record/record';
import { CliError } from './cli-error';
import type { CliContext } from './context';
import { exitCodes } from './exit-codes';
import { readInput } from './input-files';
import { recordDataClosing, recordDataOpening } from './render/record-page';
import { problemsOf } from './zod-problems';

/** A path of 7,000 nodes makes one of about 10 MiB. */
const recordBytesMax = 64 * 1_024 * 1_024;
/** Of the record: plans and findings go 8 levels down. */
const levelsMax = 64;

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

const entrySchema = z.strictObject({
  seq: z.int().min(0),
  kind: z.string().min(1).max(40),
  // What is in it is covered by the hash, and is not read before that has been compared.
  data: z.custom<object>((value) => typeof value === 'object' && value !== null),
  previous: hash,
  hash,
});

/** Strict: nothing stands in a record that no hash covers. */
const recordSchema = z.strictObject({
  schema: z.literal(changeRecordSchema),
  head: hash,
  entries: z.array(entrySchema).max(500_000),
});

export interface RecordFile {
  readonly record: ChangeRecord;
  /** The whole page, where the file is one. */
  readonly page?: string;
}

/** Throws CliError `file-unreadable`, `record-invalid` or `record-version`. */
export async function readRecordFile(context: CliContext, file: string): Promise<RecordFile> {
  const text = await readInput(context, file, 'change record', recordBytesMax);
  const isPage = text.trimStart().startsWith('<');
  const record = recordIn(file, isPage ? dataIn(file, text) : text);
  return isPage ? { record, page: text } : { record };
}

/** What stands in the page for programs. */
function dataIn(file: string, page: string): string {
  const [, data, ...more] = page.split(recordDataOpening);
  if (data === undefined) throw invalid(file, ['it is a page, and no change record is in it']);
  if (more.length > 0) throw invalid(file, ['it is a page with several change records in it']);
  const end = data.indexOf(recordDataClosing);
  if (end < 0) throw invalid(file, ['the change record in the page does not end']);
  return data.slice(0, end);
}

function recordIn(file: string, text: string): ChangeRecord {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw invalid(file, [`it is no JSON: ${error instanceof Error ? error.message : ''}`], error);
  }
  if (typeof data !== 'object' || data === null) throw invalid(file, ['it is no JSON object']);
  const { schema } = data as { readonly schema?: unknown };
  if (typeof schema === 'string' && /^ascent\.change-record\/v\d+$/.test(schema)) {
    if (schema !== changeRecordSchema) throw otherVersion(file, schema);
  } else throw invalid(file, [`its schema is not ${changeRecordSchema}`]);
  if (isDeep(data)) throw invalid(file, [`it goes more than ${levelsMax} levels down`]);
  const parsed = recordSchema.safeParse(data);
  // As it stands there: a page holds the members of objects in the order of the file.
  if (parsed.success) return data as ChangeRecord;
  throw invalid(file, problemsOf(parsed.error, { data, knownKeys: new Set() }).slice(0, 10));
}

/** Level by level: what is too deep for a stack is found as well. */
function isDeep(data: object): boolean {
  let level: readonly unknown[] = [data];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > levelsMax) return true;
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return false;
}

function invalid(file: string, problems: readonly string[], cause?: unknown): CliError {
  return new CliError({
    exitCode: exitCodes.invalidInput,
    code: 'record-invalid',
    message: `${file} is no change record`,
    problems,
    remedy: 'name a file that `ascent report` has written, JSON or HTML, as it was written',
    ...(cause === undefined ? {} : { cause }),
  });
}

function otherVersion(file: string, schema: string): CliError {
  return new CliError({
    exitCode: exitCodes.invalidInput,
    code: 'record-version',
    message: `${file} is a change record of another version: ${schema.slice(0, 60)}`,
    remedy: `use the release of Ascent that wrote it; this one reads ${changeRecordSchema}`,
  });
}
