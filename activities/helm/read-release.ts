// The record of one Helm release, as a Secret or a ConfigMap has it: base64 of gzip of JSON, with
// the manifest as YAML in it. Bounded at each step, and nothing of its text is told (R1).

import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import { z } from 'zod';

import type { HelmFlaw, HelmRelease } from '../../domain/helm-releases';
import { shippedKnowledge } from '../../domain/knowledge/shipped';
import { knownObjects } from '../../domain/scan/known-objects';
import type { ManifestObject } from '../../domain/scan/scan-findings';
import { errorCode } from '../adapters/node-errors';
import { readManifests } from '../scan/read-manifests';

const mebibyte = 1024 * 1024;

/** An object of Kubernetes is at most 1.5 MiB, what etcd takes at once. */
const compressedBytesMax = 2 * mebibyte;
/** Charts are in it, with their files. */
const inflatedBytesMax = 24 * mebibyte;
const manifestBytesMax = 4 * mebibyte;
/** Values of charts nest some ten levels. */
const nestingMax = 200;
/** What Kubernetes allows as a name; what is longer is none. */
const nameMax = 253;

const inflate = promisify(gunzip);
const isKnown = knownObjects(shippedKnowledge);

const recordSchema = z.object({
  chart: z
    .object({ metadata: z.object({ name: z.string(), version: z.string() }) })
    .optional()
    .catch(undefined),
  manifest: z.string(),
});

export type ReadRelease =
  | { readonly kind: 'read'; readonly release: Pick<HelmRelease, 'chart' | 'objects'> }
  | { readonly kind: 'unread'; readonly flaw: HelmFlaw };

/** `stored`: what Helm has put there, in base64. Throws nothing for what it holds. */
export async function readRelease(stored: string): Promise<ReadRelease> {
  const json = await jsonOf(stored);
  if ('flaw' in json) return { kind: 'unread', flaw: json.flaw };
  const record = recordSchema.safeParse(json.value);
  if (!record.success) return { kind: 'unread', flaw: 'corrupt' };
  const { chart, manifest } = record.data;
  if (Buffer.byteLength(manifest) > manifestBytesMax) return { kind: 'unread', flaw: 'too-large' };
  const { objects, skipped } = readManifests({ file: '', text: manifest });
  if (skipped.length > 0) return { kind: 'unread', flaw: 'manifest-unread' };
  const templates = templatesOf(manifest);
  return {
    kind: 'read',
    release: {
      ...chartText(chart?.metadata),
      objects: objects.filter(isKnown).map((object) => namesOnly(object, templates)),
    },
  };
}

type Json = { readonly value: unknown } | { readonly flaw: HelmFlaw };

async function jsonOf(stored: string): Promise<Json> {
  if (stored.length > (compressedBytesMax / 3) * 4) return { flaw: 'too-large' };
  const bytes = Buffer.from(stored, 'base64');
  let text: string;
  try {
    text = (await inflated(bytes)).toString('utf8');
  } catch (error) {
    return { flaw: errorCode(error) === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'corrupt' };
  }
  if (isTooDeep(text)) return { flaw: 'too-deep' };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { flaw: 'corrupt' };
  }
}

/** Early releases of Helm did not compress. */
async function inflated(bytes: Buffer): Promise<Buffer> {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return isGzip ? inflate(bytes, { maxOutputLength: inflatedBytesMax }) : bytes;
}

/** Of brackets outside of strings. */
function isTooDeep(json: string): boolean {
  let depth = 0;
  for (let index = 0; index < json.length; index += 1) {
    const letter = json[index];
    if (letter === '"') index = endOfString(json, index);
    else if (letter === '[' || letter === '{') depth += 1;
    else if (letter === ']' || letter === '}') depth -= 1;
    if (depth > nestingMax) return true;
  }
  return false;
}

function endOfString(json: string, begin: number): number {
  let index = begin + 1;
  while (index < json.length && json[index] !== '"') index += json[index] === '\\' ? 2 : 1;
  return index;
}

function chartText(chart: { readonly name: string; readonly version: string } | undefined) {
  const text = chart === undefined ? '' : `${chart.name}-${chart.version}`;
  return /^[\w.+-]{1,100}$/.test(text) ? { chart: text } : {};
}

interface Template {
  readonly line: number;
  readonly file: string;
}

/** Helm writes before each document which template it is of. */
function templatesOf(manifest: string): readonly Template[] {
  return manifest.split('\n').flatMap((text, index) => {
    const [, file] = /^# Source: ([\w./-]{1,200})$/.exec(text.trimEnd()) ?? [];
    return file === undefined ? [] : [{ line: index + 1, file }];
  });
}

function namesOnly(object: ManifestObject, templates: readonly Template[]): ManifestObject {
  const { apiVersion, kind, name, namespace, place } = object;
  const template = templates.findLast(({ line }) => line <= place.line);
  return {
    apiVersion,
    kind,
    ...(isName(name) ? { name } : {}),
    ...(isName(namespace) ? { namespace } : {}),
    place: { file: template?.file ?? 'manifest', line: place.line },
    volumes: [],
  };
}

function isName(name: string | undefined): name is string {
  return name !== undefined && name.length <= nameMax;
}
