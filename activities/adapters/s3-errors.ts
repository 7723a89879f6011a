// What an S3-compatible server means by an error, as PortError. The messages say what to do: who
// reads them at night knows neither the protocol nor its names.
// Authority: Amazon S3 API Reference, Error responses.

import { PortError } from '../ports';
import { isError } from './node-errors';

interface Meaning {
  readonly code: PortError['code'];
  readonly means: string;
  readonly retryAfterSeconds?: number;
}

const waitSeconds = 10;

const wrongRegion: Meaning = {
  code: 'rejected',
  means: 'the bucket is in another region; correct snapshots.s3.region or snapshots.s3.endpoint',
};
const unknownKey: Meaning = {
  code: 'unauthorized',
  means: 'the credentials are not accepted; correct what snapshots.s3.credentials names',
};
const denied: Meaning = {
  code: 'forbidden',
  means: 'access is denied; give the worker the rights that docs/operate.md names',
};
const throttled: Meaning = {
  code: 'unexpected',
  means: 'the store asks to be slower',
  retryAfterSeconds: waitSeconds,
};
const full: Meaning = {
  code: 'full',
  means: 'the store is full; make room in it, or keep fewer snapshots (snapshots.keep)',
};
const noCredentials: Meaning = {
  code: 'unauthorized',
  means:
    'there are no credentials; name them as snapshots.s3.credentials, or give them by the' +
    " worker's environment (AWS_PROFILE, AWS_ACCESS_KEY_ID, a role)",
};

const missing: Meaning = { code: 'not-found', means: 'it is not there' };

const byName: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: {
    code: 'rejected',
    means: 'the bucket does not exist; make it, or correct snapshots.s3.bucket',
  },
  PermanentRedirect: wrongRegion,
  AuthorizationHeaderMalformed: wrongRegion,
  IllegalLocationConstraintException: wrongRegion,
  InvalidAccessKeyId: unknownKey,
  SignatureDoesNotMatch: unknownKey,
  InvalidToken: unknownKey,
  // Versity's gateway.
  XAdminUserNotFound: unknownKey,
  ExpiredToken: { code: 'unauthorized', means: 'the credentials have expired; renew them' },
  RequestTimeTooSkewed: {
    code: 'unauthorized',
    means: "the clocks of worker and store differ too much; correct the worker's",
  },
  AccessDenied: denied,
  AllAccessDisabled: denied,
  SlowDown: throttled,
  ServiceUnavailable: throttled,
  TooManyRequests: throttled,
  RequestLimitExceeded: throttled,
  QuotaExceeded: full,
  XMinioStorageFull: full,
  InsufficientStorage: full,
  NotImplemented: {
    code: 'rejected',
    means: 'the store cannot do what is needed (multipart uploads and If-None-Match)',
  },
  CredentialsProviderError: noCredentials,
  NoSuchKey: missing,
  NotFound: missing,
};

const byStatus: Readonly<Record<number, Meaning>> = {
  301: wrongRegion,
  401: unknownKey,
  403: denied,
  429: throttled,
  503: throttled,
  507: full,
};

/**
 * Undefined when `error` is no answer of a server, nor of the credentials: then the network
 * explains it. Nothing of the answer's text is repeated; its name is.
 */
export function explainS3(error: unknown, doing: string): PortError | undefined {
  if (!isError(error)) return undefined;
  const status = statusOf(error);
  const known = byName[error.name] ?? (status === undefined ? undefined : byStatus[status]);
  if (known !== undefined) {
    const { code, means, retryAfterSeconds } = known;
    const message = `${doing}: ${means} (${error.name})`;
    return new PortError(
      code,
      message,
      retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
    );
  }
  if (status === undefined) return undefined;
  const code = status >= 500 ? 'unexpected' : 'rejected';
  return new PortError(code, `${doing}: HTTP ${status} (${error.name})`);
}

/** Of the answer; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  if (!isError(error) || !('$metadata' in error)) return undefined;
  const { httpStatusCode } = error.$metadata as { readonly httpStatusCode?: number };
  return httpStatusCode;
}
