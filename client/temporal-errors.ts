// Reads what Temporal's client throws. Its errors wrap one another (ServiceError around gRPC), so
// the chain of causes is walked; message texts are never compared.

import { isGrpcServiceError, WorkflowNotFoundError } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';

import { AscentError } from './errors';

/** The gRPC status codes that are told apart. Source: grpc.io/docs/guides/status-codes. */
const grpcCodes = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export type GrpcCodeName = keyof typeof grpcCodes;

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function causesOf(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (
    let current = error;
    current !== undefined && current !== null && !chain.includes(current);
    current = current instanceof Error ? current.cause : undefined
  ) {
    chain.push(current);
  }
  return chain;
}

/** Whether some error of the chain is the gRPC status of that name. */
export function hasGrpcCode(error: unknown, ...names: readonly GrpcCodeName[]): boolean {
  return causesOf(error).some(
    (cause) =>
      isGrpcServiceError(cause) && names.some((name) => Number(cause.code) === grpcCodes[name]),
  );
}

/** The error for "you may not", or undefined when that is not what happened. */
export function denialOf(error: unknown): AscentError | undefined {
  const denied =
    hasGrpcCode(error, 'unauthenticated', 'permissionDenied') ||
    causesOf(error).some((cause) => cause instanceof NamespaceNotFoundError);
  if (!denied) return undefined;
  const deepest = causesOf(error).at(-1);
  return new AscentError({
    code: 'temporal-refused',
    message: `Temporal refuses the request: ${messageOf(deepest)}`,
    remedy: 'see the namespace, the API key or the certificate of the profile, and its rights',
    cause: error,
  });
}

/** No such workflow, or (for a message) one that is closed. */
export function isWorkflowNotFound(error: unknown): boolean {
  return causesOf(error).some((cause) => cause instanceof WorkflowNotFoundError);
}

/** The server is away or too slow: asking again may help. */
export function isOutage(error: unknown): boolean {
  return hasGrpcCode(error, 'unavailable', 'deadlineExceeded', 'cancelled', 'resourceExhausted');
}
