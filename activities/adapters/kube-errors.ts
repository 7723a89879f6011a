// What the Kubernetes API means by an error: a Status body and headers, as PortError.
// Authority: apimachinery pkg/api/errors and meta/v1 Status.

import { ApiException } from '@kubernetes/client-node';
import * as z from 'zod';

import { PortError } from '../ports';
import { parseJson } from './json';

const statusSchema = z.object({
  kind: z.literal('Status'),
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z
    .object({
      name: z.string().optional(),
      group: z.string().optional(),
      kind: z.string().optional(),
      retryAfterSeconds: z.number().optional(),
      causes: z
        .array(z.object({ reason: z.string().optional(), message: z.string().optional() }))
        .optional(),
    })
    .optional(),
});

type ApiStatus = z.infer<typeof statusSchema>;

/** An answer that is not 2xx, as far as it can be told apart. */
export interface ApiRefusal {
  readonly httpCode: number;
  /** Undefined when the body is no Status: a proxy, flow control, or a server that shuts down. */
  readonly status: ApiStatus | undefined;
  /** The Status' message, else the first line of the body, else the code. */
  readonly message: string;
  /** From the header, else from the Status' details. */
  readonly retryAfterSeconds: number | undefined;
}

/** Undefined when `error` is no answer of a server. */
export function refusalOf(error: unknown): ApiRefusal | undefined {
  if (!(error instanceof ApiException)) return undefined;
  const body: unknown = error.body;
  const status = statusOf(body);
  return {
    httpCode: error.code,
    status,
    message: status?.message ?? firstLine(body) ?? codeText(error.code),
    retryAfterSeconds:
      headerSeconds(error.headers['retry-after']) ?? status?.details?.retryAfterSeconds,
  };
}

function codeText(httpCode: number): string {
  return `HTTP ${httpCode}`;
}

/** The message with the code, once: `Unauthorized (HTTP 401)`, else `HTTP 401` alone. */
export function refusalText({ httpCode, message }: ApiRefusal): string {
  const code = codeText(httpCode);
  return message === code ? code : `${message} (${code})`;
}

const textCharsMax = 300;

function firstLine(body: unknown): string | undefined {
  if (typeof body !== 'string') return undefined;
  const line = body.trim().split('\n', 1)[0] ?? '';
  return line === '' ? undefined : line.slice(0, textCharsMax);
}

function statusOf(body: unknown): ApiStatus | undefined {
  const parsed = statusSchema.safeParse(typeof body === 'string' ? parseJson(body) : body);
  return parsed.success ? parsed.data : undefined;
}

/** Whole seconds; the other form of the header, a date, is never sent by an API server. */
function headerSeconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}

const portCodes: Readonly<Record<number, PortError['code']>> = {
  400: 'rejected',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  // A page of a list that the server no longer holds: looking again settles it.
  410: 'conflict',
  413: 'rejected',
  422: 'rejected',
  // Nobody behind the balancer, or a server that is just stopping: as if it were not there.
  502: 'unreachable',
  503: 'unreachable',
  504: 'timeout',
};

/** Undefined when `error` is no answer of a server (then the network explains it). */
export function explainRefusal(error: unknown, doing: string): PortError | undefined {
  const refusal = refusalOf(error);
  if (refusal === undefined) return undefined;
  const { httpCode, retryAfterSeconds } = refusal;
  return new PortError(
    portCodes[httpCode] ?? 'unexpected',
    `${doing}: ${refusalText(refusal)}`,
    // The exception itself repeats headers and body in its message; it stays out.
    retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  );
}
