// What can be broken on purpose in a lab, for tests and rehearsals. Every fault ends by itself:
// a killed process is started again, the others take a number of seconds.

import { z } from 'zod';

import { restorePhases } from './supervisor/restore-journal';

const secondsMax = 600;

/** Ends a process as a crash would; it is supervised and comes back. */
const killSchema = z.object({
  kind: z.literal('kill'),
  /** `cp-1-api-server`, `cp-1-controller-manager`, `cp-1-scheduler`, `cp-1-etcd`, `kwok`. */
  process: z.string(),
  signal: z.enum(['SIGKILL', 'SIGTERM']).default('SIGKILL'),
});

/** The disk of one etcd member is gone: it is neither restored nor started. */
const loseEtcdSchema = z.object({
  kind: z.literal('lose-etcd'),
  member: z.string(),
  seconds: z.number().positive().max(secondsMax),
});

/** The supervisor itself, by SIGKILL, and everything that it has started; `lab up` goes on. */
const endSupervisorSchema = z.object({ kind: z.literal('end-supervisor') });

/**
 * Restores stand still where they begin their next phase, until the time is over; a shorter one
 * takes the place of a longer one.
 */
const holdRestoreSchema = z.object({
  kind: z.literal('hold-restore'),
  seconds: z.number().positive().max(secondsMax),
});

export const labFaultSchema = z.discriminatedUnion('kind', [
  killSchema,
  loseEtcdSchema,
  endSupervisorSchema,
  holdRestoreSchema,
  /** Strikes once, when the next restore has written down that it begins the phase. */
  z.object({
    kind: z.literal('in-restore'),
    phase: z.enum(restorePhases),
    strike: z.discriminatedUnion('kind', [
      killSchema,
      loseEtcdSchema,
      endSupervisorSchema,
      holdRestoreSchema,
    ]),
  }),
  /** Keeps one etcd member down. */
  z.object({
    kind: z.literal('stop-etcd'),
    member: z.string(),
    seconds: z.number().positive().max(secondsMax),
  }),
  /** Programs of one member are started with a flag that they do not know, only as this one. */
  z.object({
    kind: z.literal('broken-start'),
    member: z.string(),
    component: z.enum(['api-server', 'controllers', 'etcd']),
    version: z.string(),
    emulates: z.string().optional(),
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
