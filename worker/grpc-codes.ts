// The gRPC statuses that a starting worker tells apart, found in the chain of causes.

import { isGrpcServiceError } from '@temporalio/client';

/** Source: grpc.io/docs/guides/status-codes. */
const told = {
  3: 'INVALID_ARGUMENT',
  5: 'NOT_FOUND',
  7: 'PERMISSION_DENIED',
  16: 'UNAUTHENTICATED',
} as const;

const untold = { 12: 'UNIMPLEMENTED' } as const;

type Told = (typeof told)[keyof typeof told];

/** The status of an error that asking again does not change; undefined for everything else. */
export function grpcCodeOf(error: unknown): Told | undefined {
  const code = statusOf(error);
  return code === undefined ? undefined : told[code as keyof typeof told];
}

/** The server does not know the call at all. */
export function isUnimplemented(error: unknown): boolean {
  return untold[statusOf(error) as keyof typeof untold] !== undefined;
}

function statusOf(error: unknown): number | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (isGrpcServiceError(current)) return Number(current.code);
  }
  return undefined;
}
