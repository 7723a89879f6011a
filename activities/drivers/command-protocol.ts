// What the driver `command` and a program say to each other (docs/command-driver.md): one JSON
// object on the program's standard input, then its end; JSON objects on its standard output, one a
// line; and the code that it ends with. No secret is ever part of a request (R9).

import * as z from 'zod';

import type { MemberUpgradeInput } from '../../domain/activity-contract';

export const commandApiVersion = 'ascent/command/v1';

/** Every other code is a failure. Numbers of sysexits.h: EX_TEMPFAIL, EX_NOPERM. */
export const exitCodes = { done: 0, retry: 75, refused: 77 } as const;

interface Change {
  /** The same for all attempts, so that a program can keep a journal under it. */
  readonly operationId: string;
  /** Version to be run afterwards; a rollback goes to an older one. */
  readonly to: string;
  /** Version that ran before, as far as it is known. */
  readonly from?: string | undefined;
}

interface MemberChange extends Change {
  readonly member: string;
  readonly component: MemberUpgradeInput['component'] | 'etcd';
  /** Minor to serve as; absent: its own. */
  readonly emulates?: string | undefined;
}

/** What is asked for, by the key of the command in the access file. */
export type CommandStepRequest =
  | (Change & { readonly step: 'node'; readonly node: string; readonly component: 'kubelet' })
  | (MemberChange & { readonly step: 'apiServer' | 'controllers' | 'member' | 'putBack' | 'etcd' })
  | {
      readonly step: 'restore';
      readonly operationId: string;
      /** On the worker's machine, readable by the program; gone when it has ended. */
      readonly snapshotFile: string;
      readonly snapshotRevision: number;
      readonly to: string;
      readonly etcdVersion: string;
    }
  | { readonly step: 'repairEtcd'; readonly operationId: string; readonly member: string }
  | { readonly step: 'restoreNeeds' | 'versions' };

export type CommandRequest = CommandStepRequest & {
  readonly apiVersion: typeof commandApiVersion;
  readonly cluster: string;
};

/** Keys that are not known here are left alone: what a step answers is read by its own schema. */
export const lineSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('phase'), phase: z.string() }),
  z.object({ type: z.literal('log'), message: z.string() }),
  z.looseObject({
    type: z.literal('result'),
    status: z.enum(['done', 'retry', 'refused']),
    reason: z.string().optional(),
    retryAfterSeconds: z.number().positive().max(86_400).optional(),
  }),
]);

export type CommandLine = z.infer<typeof lineSchema>;
export type CommandResult = Extract<CommandLine, { readonly type: 'result' }>;

export const restoredSchema = z.object({
  lost: z.array(z.object({ member: z.string(), problem: z.string() })).default([]),
});

export const versionsSchema = z.object({
  versions: z.array(z.string()),
  etcdVersions: z.array(z.string()).optional(),
});

export const needsSchema = z.object({
  items: z.array(
    z.object({
      kind: z.enum(['pki', 'flags', 'encryption-config', 'manifest']),
      name: z.string().min(1),
      member: z.string().optional(),
      base64: z.base64(),
    }),
  ),
});
