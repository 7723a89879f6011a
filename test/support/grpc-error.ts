// Errors as gRPC gives them and Temporal's client wraps them.

import { ServiceError } from '@temporalio/client';

/** `code`: see grpc.io/docs/guides/status-codes. */
export function grpcError(code: number): Error {
  const cause = Object.assign(new Error(`status ${code}`), { code, details: '', metadata: {} });
  return new ServiceError('the call failed', { cause });
}
