// What a gRPC server of etcd says no with, as PortErrors.

import { type ServiceError, status } from '@grpc/grpc-js';

import { PortError } from '../ports';
import { isError } from './node-errors';

const portCodes: Readonly<Partial<Record<status, PortError['code']>>> = {
  [status.UNAVAILABLE]: 'unreachable',
  [status.DEADLINE_EXCEEDED]: 'timeout',
  [status.UNAUTHENTICATED]: 'unauthorized',
  [status.PERMISSION_DENIED]: 'forbidden',
  // HashKV and Range of a revision that was compacted or is still to come.
  [status.OUT_OF_RANGE]: 'conflict',
  // MoveLeader to a member that does not lead, or to one that cannot.
  [status.FAILED_PRECONDITION]: 'conflict',
};

export function isUnreachable(error: unknown): boolean {
  return error instanceof PortError && error.code === 'unreachable';
}

function isServiceError(error: unknown): error is ServiceError {
  return isError(error) && 'details' in error && 'metadata' in error && 'code' in error;
}

/** Undefined for what is no answer of a server. */
export function explainGrpc(error: unknown, doing: string): PortError | undefined {
  if (!isServiceError(error)) return undefined;
  const code = portCodes[error.code] ?? 'unexpected';
  return new PortError(code, `${doing}: ${error.details}`, { cause: error });
}
