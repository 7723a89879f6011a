// Errors as Node's own modules throw them.

import { types } from 'node:util';

/** Also true for errors of another realm, where `instanceof` is not (Jest runs tests in one). */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value) || value instanceof Error;
}

/** `ECONNREFUSED`, `ENOENT`: how Node names what happened. */
export function errorCode(error: unknown): string | undefined {
  if (!isError(error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
