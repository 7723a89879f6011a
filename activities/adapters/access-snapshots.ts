// The part of an access file that says where snapshots lie.

import * as z from 'zod';

import type { ClusterAccess, S3Access } from '../access';
import { filePath } from './access-words';

const origin = z.string().refine((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.origin === text;
}, 'expected https://HOST or https://HOST:PORT without a path');

// Amazon S3 User Guide, bucket naming rules; other servers allow no more.
const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

const s3Schema = z.strictObject({
  bucket: z.string().regex(bucketName, 'expected the name of a bucket'),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$/, 'expected a prefix such as clusters/prod')
    .refine((text) => !/\/\/|(^|\/)\.\.?(\/|$)/.test(text), 'expected no empty part, . or ..')
    .optional(),
  region: z.string().min(1, 'expected a region such as eu-central-1'),
  endpoint: origin.optional(),
  pathStyle: z.boolean().optional(),
  limitBytes: z.int('expected a whole number').positive('expected 1 or more').optional(),
  ca: filePath.optional(),
  credentials: z
    .strictObject({ file: filePath.optional(), profile: z.string().min(1).optional() })
    .refine(
      (named) => named.file !== undefined || named.profile !== undefined,
      'expected file, profile or both; leave credentials out for those of the environment',
    )
    .optional(),
});

export const snapshotsSchema = z
  .strictObject({
    directory: filePath,
    s3: s3Schema.optional(),
    key: filePath.optional(),
    inTheClear: z.literal(true, 'expected true; leave it out where there is a key').optional(),
    keep: z
      .int('expected a whole number')
      .min(1, 'expected 1 or more: the way back stays in any case')
      .max(10_000, 'expected 10000 or less')
      .optional(),
  })
  .refine(({ key, inTheClear }) => key === undefined || inTheClear === undefined, {
    path: ['inTheClear'],
    message: 'there is a key, so they do not stay in the clear',
  })
  .refine(({ s3, inTheClear }) => inTheClear === undefined || !isPlainHttp(s3?.endpoint), {
    path: ['s3', 'endpoint'],
    message: 'expected https://: snapshots in the clear do not travel in the clear',
  });

type Parsed = z.infer<typeof snapshotsSchema>;

function isPlainHttp(endpoint: string | undefined): boolean {
  return endpoint?.startsWith('http://') === true;
}

export function snapshotsWithAbsolutePaths(
  { directory, s3, key, inTheClear, keep }: Parsed,
  absolute: (file: string) => string,
): ClusterAccess['snapshots'] {
  return {
    directory: absolute(directory),
    ...(s3 === undefined ? {} : { s3: s3WithAbsolutePaths(s3, absolute) }),
    ...(key === undefined ? {} : { key: absolute(key) }),
    ...(inTheClear === undefined ? {} : { inTheClear: true }),
    ...(keep === undefined ? {} : { keep }),
  };
}

function s3WithAbsolutePaths(
  s3: NonNullable<Parsed['s3']>,
  absolute: (file: string) => string,
): S3Access {
  const { bucket, prefix, region, endpoint, pathStyle, limitBytes, ca, credentials } = s3;
  const { file: named, profile } = credentials ?? {};
  return {
    bucket,
    ...(prefix === undefined ? {} : { prefix }),
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(pathStyle === undefined ? {} : { pathStyle }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(ca === undefined ? {} : { ca: absolute(ca) }),
    ...(credentials === undefined
      ? {}
      : {
          credentials: {
            ...(named === undefined ? {} : { file: absolute(named) }),
            ...(profile === undefined ? {} : { profile }),
          },
        }),
  };
}

/** Those that must be readable. */
export function s3Files({
  s3,
}: ClusterAccess['snapshots']): readonly { readonly key: string; readonly file: string }[] {
  const { ca, credentials } = s3 ?? {};
  return [
    ...(ca === undefined ? [] : [{ key: 'snapshots.s3.ca', file: ca }]),
    ...(credentials?.file === undefined
      ? []
      : [{ key: 'snapshots.s3.credentials.file', file: credentials.file }]),
  ];
}
