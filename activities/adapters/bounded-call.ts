// Bounds and names every request that leaves an adapter.
// K1. No request is without a limit.
// K2. Cancellation leaves as the signal's reason; everything else leaves as PortError.
// K3. Messages name what was being done; they never carry headers, bodies or credentials.

import { PortError } from '../ports';
import { errorCode, isError } from './node-errors';

export interface BoundedCall {
  /** `listing the pods of node worker-3`: begins every message. */
  readonly doing: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Runs `request` with a signal that fires on cancellation and after `timeoutMs`.
 * `explain` may turn an error of the client library into a PortError; what it leaves undefined is
 * explained by its network code. Throws PortError, or the signal's reason (K2).
 */
export async function boundedCall<Result>(
  call: BoundedCall,
  request: (signal: AbortSignal) => Promise<Result>,
  explain?: (error: unknown) => PortError | undefined,
): Promise<Result> {
  const { doing, timeoutMs, signal } = call;
  signal.throwIfAborted();
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    controller.abort(new Error(`no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    return await request(controller.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PortError) throw error;
    if (isLate) {
      const message = `${doing}: no answer within ${timeoutMs / 1_000} s`;
      throw new PortError('timeout', message, { cause: error });
    }
    throw explain?.(error) ?? networkError(error, doing);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

const unreachableCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_SOCKET',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
]);

const timeoutCodes = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

/** Our CA did not sign the server's certificate, or the server refused ours (Node's TLS codes). */
const trustCode =
  /^(ERR_TLS_CERT|ERR_SSL_.*(CERT|UNKNOWN_CA)|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;

/** Whether the connection broke before an answer, as a pooled one does when its server left. */
export function isBrokenConnection(error: unknown): boolean {
  const { code } = rootOf(error);
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET';
}

/** A PortError by the code of the deepest cause; `unexpected` when there is none that is known. */
export function networkError(error: unknown, doing: string): PortError {
  const root = rootOf(error);
  const message = `${doing}: ${root.message}`;
  return new PortError(networkCode(root.code), message, { cause: error });
}

function networkCode(code: string | undefined): PortError['code'] {
  if (code === undefined) return 'unexpected';
  if (unreachableCodes.has(code)) return 'unreachable';
  if (timeoutCodes.has(code)) return 'timeout';
  return trustCode.test(code) ? 'unauthorized' : 'unexpected';
}

interface Root {
  readonly code: string | undefined;
  readonly message: string;
}

const causesAtMost = 8;

/** fetch wraps what happened as `cause`; a dialler that tried several addresses as `errors`. */
function rootOf(error: unknown): Root {
  let current = error;
  for (let depth = 0; depth < causesAtMost; depth += 1) {
    const deeper = causeOf(current);
    if (deeper === undefined) break;
    current = deeper;
  }
  if (!isError(current)) return { code: undefined, message: String(current) };
  const code = errorCode(current);
  const isNamed = code === undefined || current.message.includes(code);
  return { code, message: isNamed ? current.message : `${current.message} (${code})` };
}

function causeOf(error: unknown): unknown {
  if (!isError(error)) return undefined;
  const hasSeveral = 'errors' in error && Array.isArray(error.errors);
  return hasSeveral ? (error.errors as unknown[])[0] : error.cause;
}
