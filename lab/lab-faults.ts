// What can be broken on purpose in a lab, for tests and rehearsals. Every fault ends by itself:
// a killed process is started again, the others take a number of seconds.

import { z } from 'zod';

const secondsMax = 600;

export const labFaultSchema = z.discriminatedUnion('kind', [
  /** Ends a process as a crash would; it is supervised and comes back. */
  z.object({
    kind: z.literal('kill'),
    /** `cp-1-api-server`, `cp-1-controller-manager`, `cp-1-scheduler`, `cp-1-etcd`, `kwok`. */
    process: z.string(),
    signal: z.enum(['SIGKILL', 'SIGTERM']).default('SIGKILL'),
  }),
  /** Keeps one etcd member down. */
  z.object({
    kind: z.literal('stop-etcd'),
    member: z.string(),
    seconds: z.number().positive().max(secondsMax),
  }),
  /** Programs of one member are started with a flag that they do not know, in one version only. */
  z.object({
    kind: z.literal('broken-start'),
    member: z.string(),
    component: z.enum(['api-server', 'controllers']),
    version: z.string(),
    seconds: z.number().positive().max(secondsMax),
  }),
  /** A machine reports that it is not ready. */
  z.object({
    kind: z.literal('node-not-ready'),
    node: z.string(),
    seconds: z.number().positive().max(secondsMax),
  }),
]);

export type LabFault = z.input<typeof labFaultSchema>;

/** `GET /v1/lab`: how far the supervisor has brought the lab up. */
export interface LabProgress {
  readonly phase: LabPhase;
  /** Names of processes that run. */
  readonly running: readonly string[];
  /** Members that the balancer gives new connections to. */
  readonly servingMembers: readonly string[];
  /** Set when the supervisor gave up on bringing the lab up; it goes on serving this answer. */
  readonly problem?: string;
  readonly balancer: {
    readonly connections: number;
    readonly byMember: Readonly<Record<string, number>>;
  };
}

export type LabPhase =
  | 'starting-etcd'
  | 'starting-api-servers'
  | 'starting-controllers'
  | 'restoring'
  | 'running'
  | 'failed'
  | 'stopping';
