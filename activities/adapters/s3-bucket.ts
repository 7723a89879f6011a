// Objects of one bucket, by any server that speaks the protocol of Amazon S3.
// B1. No request is without a limit, and each can be cancelled; failures leave as PortError.
// B2. Credentials are read by the client when it needs them, so rotated ones take effect, and are
//     never told. Certificates are verified, whatever the environment says.
// B3. The client is loaded when it is first used: who keeps snapshots elsewhere does not wait.

import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';

import type { CompletedPart, S3, S3ClientConfig } from '@aws-sdk/client-s3';

import type { S3Access } from '../access';
import { PortError } from '../ports';
import { boundedCall, networkError } from './bounded-call';
import { fsError } from './durable-files';
import { errorCode, isError } from './node-errors';
import { explainS3, statusOf } from './s3-errors';

const requestTimeoutMs = 60_000;
/** Of one part: 16 MiB by a line of half a megabit a second. */
const partTimeoutMs = 5 * 60_000;
const silentTimeoutMs = 30_000;

export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly begunMs: number;
}

export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
  readonly sizeBytes: number;
}

/** Keys are those within the bucket. Methods throw PortError, or the signal's reason. */
export class S3Bucket {
  readonly #access: S3Access;
  #opened: Promise<S3> | undefined;

  constructor(access: S3Access) {
    this.#access = access;
  }

  /** `exists`: only where `onlyNew` was asked for. */
  async put(
    key: string,
    content: Buffer,
    options: { readonly onlyNew: boolean; readonly signal: AbortSignal },
  ): Promise<'written' | 'exists'> {
    const { onlyNew, signal } = options;
    const condition = onlyNew ? { IfNoneMatch: '*' } : {};
    return this.#call(`writing ${this.url(key)}`, signal, async (s3, abortSignal, Bucket) => {
      try {
        const object = { Bucket, Key: key, Body: content, ContentLength: content.length };
        await s3.putObject({ ...object, ...condition }, { abortSignal });
        return 'written';
      } catch (error) {
        // 409: somebody else writes it at this moment.
        if (onlyNew && [409, 412].includes(statusOf(error) ?? 0)) return 'exists';
        throw error;
      }
    });
  }

  /** Undefined when it is not there. */
  async text(key: string, signal: AbortSignal): Promise<string | undefined> {
    return this.#call(`reading ${this.url(key)}`, signal, (s3, abortSignal, Bucket) =>
      unlessMissing(async () => {
        const { Body } = await s3.getObject({ Bucket, Key: key }, { abortSignal });
        return (await Body?.transformToString()) ?? '';
      }),
    );
  }

  /** PortError `not-found` when it is not there; the stream ends with PortErrors, too. */
  async open(key: string): Promise<Readable> {
    const doing = `reading ${this.url(key)}`;
    const signal = new AbortController().signal;
    const body = await this.#call(doing, signal, async (s3, _signal, Bucket) => {
      const { Body } = await s3.getObject({ Bucket, Key: key });
      if (Body instanceof Readable) return Body;
      throw new PortError('unexpected', `${doing}: there is no content`);
    });
    return Readable.from(explained(body, doing), { objectMode: false });
  }

  /** Bytes; undefined when it is not there. */
  async size(key: string, signal: AbortSignal): Promise<number | undefined> {
    return this.#call(`looking for ${this.url(key)}`, signal, (s3, abortSignal, Bucket) =>
      unlessMissing(async () => {
        const { ContentLength } = await s3.headObject({ Bucket, Key: key }, { abortSignal });
        return ContentLength ?? 0;
      }),
    );
  }

  /** One that is not there is removed. */
  async remove(key: string, signal: AbortSignal): Promise<void> {
    await this.#call(`removing ${this.url(key)}`, signal, (s3, abortSignal, Bucket) =>
      s3.deleteObject({ Bucket, Key: key }, { abortSignal }),
    );
  }

  /** Those whose keys begin so. */
  async list(prefix: string, signal: AbortSignal): Promise<readonly StoredObject[]> {
    const found: StoredObject[] = [];
    let token: string | undefined;
    do {
      const page = { Prefix: prefix, ...(token === undefined ? {} : { ContinuationToken: token }) };
      const answer = await this.#call(
        `listing ${this.url(prefix)}`,
        signal,
        (s3, abortSignal, Bucket) => s3.listObjectsV2({ Bucket, ...page }, { abortSignal }),
      );
      for (const { Key = '', Size = 0, LastModified } of answer.Contents ?? []) {
        found.push({ key: Key, sizeBytes: Size, modifiedMs: LastModified?.getTime() ?? 0 });
      }
      token = answer.NextContinuationToken;
    } while (token !== undefined && token !== '');
    return found;
  }

  async beginUpload(key: string, signal: AbortSignal): Promise<string> {
    const doing = `beginning the upload of ${this.url(key)}`;
    const { UploadId } = await this.#call(doing, signal, (s3, abortSignal, Bucket) =>
      s3.createMultipartUpload({ Bucket, Key: key }, { abortSignal }),
    );
    if (UploadId !== undefined) return UploadId;
    throw new PortError('unexpected', `${doing}: the store named none`);
  }

  /** Answers the part's tag. */
  async putPart(
    upload: { readonly key: string; readonly uploadId: string; readonly number: number },
    content: Buffer,
    signal: AbortSignal,
  ): Promise<UploadedPart> {
    const { key, uploadId, number } = upload;
    const doing = `uploading part ${number} of ${this.url(key)}`;
    const part = { Key: key, UploadId: uploadId, PartNumber: number, Body: content };
    const { ETag } = await this.#call(
      doing,
      signal,
      (s3, abortSignal, Bucket) =>
        s3.uploadPart({ Bucket, ...part, ContentLength: content.length }, { abortSignal }),
      partTimeoutMs,
    );
    if (ETag !== undefined) return { number, etag: ETag, sizeBytes: content.length };
    throw new PortError('unexpected', `${doing}: the store gave no tag`);
  }

  /** Parts that the store has; undefined when it knows no such upload (any more). */
  async parts(
    key: string,
    uploadId: string,
    signal: AbortSignal,
  ): Promise<readonly UploadedPart[] | undefined> {
    const found: UploadedPart[] = [];
    let marker: string | undefined;
    do {
      const page = marker === undefined ? {} : { PartNumberMarker: marker };
      const answer = await this.#call(
        `looking for the upload of ${this.url(key)}`,
        signal,
        (s3, abortSignal, Bucket) =>
          unlessMissing(() =>
            s3.listParts({ Bucket, Key: key, UploadId: uploadId, ...page }, { abortSignal }),
          ),
      );
      if (answer === undefined) return undefined;
      for (const { PartNumber = 0, ETag = '', Size = 0 } of answer.Parts ?? []) {
        found.push({ number: PartNumber, etag: ETag, sizeBytes: Size });
      }
      marker = answer.IsTruncated === true ? answer.NextPartNumberMarker : undefined;
    } while (marker !== undefined);
    return found;
  }

  /** From here on the object is there, as a whole. */
  async endUpload(
    key: string,
    uploadId: string,
    parts: readonly UploadedPart[],
    signal: AbortSignal,
  ): Promise<void> {
    const Parts: CompletedPart[] = parts.map(({ number, etag }) => ({
      PartNumber: number,
      ETag: etag,
    }));
    await this.#call(
      `ending the upload of ${this.url(key)}`,
      signal,
      (s3, abortSignal, Bucket) =>
        s3.completeMultipartUpload(
          { Bucket, Key: key, UploadId: uploadId, MultipartUpload: { Parts } },
          { abortSignal },
        ),
      // The server puts the parts together first.
      partTimeoutMs,
    );
  }

  /** Its parts are gone; one that the store does not know is gone. */
  async abortUpload({ key, uploadId }: Omit<OpenUpload, 'begunMs'>, signal: AbortSignal) {
    await this.#call(
      `giving up the upload of ${this.url(key)}`,
      signal,
      (s3, abortSignal, Bucket) =>
        unlessMissing(() =>
          s3.abortMultipartUpload({ Bucket, Key: key, UploadId: uploadId }, { abortSignal }),
        ),
    );
  }

  /** Those that were begun and not ended, of keys that begin so. */
  async uploads(prefix: string, signal: AbortSignal): Promise<readonly OpenUpload[]> {
    const found: OpenUpload[] = [];
    let page: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } | undefined = {};
    while (page !== undefined) {
      const from: object = page;
      const answer = await this.#call(
        `listing uploads to ${this.url(prefix)}`,
        signal,
        (s3, abortSignal, Bucket) =>
          s3.listMultipartUploads({ Bucket, Prefix: prefix, ...from }, { abortSignal }),
      );
      for (const { Key = '', UploadId = '', Initiated } of answer.Uploads ?? []) {
        found.push({ key: Key, uploadId: UploadId, begunMs: Initiated?.getTime() ?? 0 });
      }
      const { IsTruncated, NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = answer;
      const hasMore = IsTruncated === true && KeyMarker !== undefined;
      page = hasMore
        ? { KeyMarker, ...(UploadIdMarker === undefined ? {} : { UploadIdMarker }) }
        : undefined;
    }
    return found;
  }

  /** `s3://bucket/key`. */
  url(key: string): string {
    return `s3://${this.#access.bucket}/${key}`;
  }

  async #call<Result>(
    doing: string,
    signal: AbortSignal,
    request: (s3: S3, abortSignal: AbortSignal, bucket: string) => Promise<Result>,
    timeoutMs = requestTimeoutMs,
  ): Promise<Result> {
    return boundedCall(
      { doing, timeoutMs, signal },
      async (inner) => request(await this.#client(), inner, this.#access.bucket),
      (error) => explainS3(error, doing),
    );
  }

  /** Once it could be made, it stays. */
  #client(): Promise<S3> {
    this.#opened ??= openClient(this.#access).catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }
}

async function openClient(access: S3Access): Promise<S3> {
  const { S3: Client } = await import('@aws-sdk/client-s3');
  const { region, endpoint, ca, pathStyle } = access;
  const authorities = ca === undefined ? undefined : await readAuthorities(ca);
  const client = new Client({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    ...(await credentialsOf(access)),
    maxAttempts: 3,
    // Checksums beyond those that the protocol demands are not known to every server; what is
    // stored is read back and compared as a whole.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Such requests would go by connections of another kind, which do not know our authorities.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: 5_000,
      socketTimeout: silentTimeoutMs,
      // B2.
      httpsAgent: {
        keepAlive: true,
        rejectUnauthorized: true,
        ...(authorities === undefined ? {} : { ca: authorities }),
      },
    },
  });
  client.middlewareStack.add(
    (next) => async (request) => {
      try {
        return await next(request);
      } catch (error) {
        throw ownError(error);
      }
    },
    { step: 'deserialize', priority: 'high' },
  );
  return client;
}

/** The client throws away what it takes for no error: one of another realm (node-errors.ts). */
function ownError(error: unknown): unknown {
  if (error instanceof Error || !isError(error)) return error;
  const { name, message } = error;
  const code = errorCode(error);
  return Object.assign(new Error(message), { name, ...(code === undefined ? {} : { code }) });
}

async function readAuthorities(ca: string): Promise<string> {
  try {
    return await readFile(ca, 'utf8');
  } catch (error) {
    throw fsError(error, `reading ${ca}`);
  }
}

async function credentialsOf({ credentials }: S3Access): Promise<S3ClientConfig> {
  if (credentials === undefined) return {};
  const { fromIni } = await import('@aws-sdk/credential-provider-ini');
  const { file, profile } = credentials;
  return {
    credentials: fromIni({
      ...(file === undefined ? {} : { filepath: file }),
      ...(profile === undefined ? {} : { profile }),
      ignoreCache: true,
    }),
  };
}

const missingNames = new Set(['NoSuchKey', 'NoSuchUpload', 'NotFound']);

/** Of an object or an upload; that the bucket is missing is something else. */
async function unlessMissing<Result>(ask: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isError(error) && missingNames.has(error.name)) return undefined;
    throw error;
  }
}

async function* explained(body: Readable, doing: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield chunk as Buffer;
  } catch (error) {
    throw explainS3(error, doing) ?? networkError(error, doing);
  } finally {
    body.destroy();
  }
}
