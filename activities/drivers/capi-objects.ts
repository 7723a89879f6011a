// Objects of Cluster API (cluster.x-k8s.io/v1beta1), as far as its driver needs them; what its
// control planes are is in capi-control-plane.ts, and the port
// through which it reaches them. Unknown fields are passed over, missing ones are what their
// controllers take them for.

import * as z from 'zod';

import { PortError } from '../ports';
import type { ControlPlaneObject, ControlPlanePatch } from './capi-control-plane';

export const clusterNameLabel = 'cluster.x-k8s.io/cluster-name';
export const deploymentNameLabel = 'cluster.x-k8s.io/deployment-name';
export const controlPlaneLabel = 'cluster.x-k8s.io/control-plane';
export const topologyOwnedLabel = 'topology.cluster.x-k8s.io/owned';
export const pausedAnnotation = 'cluster.x-k8s.io/paused';
/** On a MachineDeployment that is paused by us; says why. */
export const heldAnnotation = 'ascent.dev/rollout-held';

export const texts = z.record(z.string(), z.string()).default({});

export const metadata = z.object({
  name: z.string(),
  resourceVersion: z.string().default(''),
  generation: z.number().default(0),
  labels: texts,
  annotations: texts,
  deletionTimestamp: z.string().optional(),
});

const reference = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
});

const clusterSchema = z.object({
  spec: z
    .object({
      paused: z.boolean().default(false),
      topology: z.unknown().optional(),
      controlPlaneRef: reference.optional(),
    })
    .default({ paused: false }),
});

export const conditions = z
  .array(
    z.object({
      type: z.string(),
      status: z.string(),
      message: z.string().default(''),
      reason: z.string().default(''),
    }),
  )
  .default([]);

const share = z.union([z.number(), z.string()]);

const deploymentSchema = z.object({
  metadata,
  spec: z.object({
    replicas: z.number().default(1),
    paused: z.boolean().default(false),
    strategy: z
      .object({
        type: z.string().optional(),
        rollingUpdate: z
          .object({ maxUnavailable: share.optional(), maxSurge: share.optional() })
          .optional(),
      })
      .optional(),
    template: z.object({
      spec: z.object({ version: z.string().optional(), nodeDrainTimeout: z.string().optional() }),
    }),
  }),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      replicas: z.number().default(0),
      updatedReplicas: z.number().default(0),
      availableReplicas: z.number().default(0),
    })
    .prefault({}),
});

const machineSchema = z.object({
  metadata,
  spec: z.object({ version: z.string().optional() }),
  status: z
    .object({
      nodeRef: z.object({ name: z.string() }).optional(),
      phase: z.string().default(''),
      conditions,
      addresses: z.array(z.object({ type: z.string(), address: z.string() })).default([]),
    })
    .prefault({}),
});

export type CapiCluster = z.infer<typeof clusterSchema>;
export type MachineDeployment = z.infer<typeof deploymentSchema>;
export type Machine = z.infer<typeof machineSchema>;

/** What is merged into a MachineDeployment (RFC 7386). */
export interface DeploymentPatch {
  readonly metadata: {
    /** A change in between is a conflict. */
    readonly resourceVersion: string;
    readonly annotations: Readonly<Record<string, string | null>>;
  };
  readonly spec: {
    readonly paused: boolean;
    readonly template?: {
      readonly spec: {
        readonly version: string;
        readonly infrastructureRef?: { readonly name: string };
      };
    };
  };
}

/** One Cluster in the cluster that manages it. Methods throw PortError, or the signal's reason. */
export interface ManagementCluster {
  cluster(signal: AbortSignal): Promise<CapiCluster>;
  machineDeployments(signal: AbortSignal): Promise<readonly MachineDeployment[]>;
  machines(signal: AbortSignal): Promise<readonly Machine[]>;
  /** What its reference names; PortError `rejected` where it has none. */
  controlPlane(cluster: CapiCluster, signal: AbortSignal): Promise<ControlPlaneObject>;
  changeControlPlane(
    seen: ControlPlaneObject,
    patch: ControlPlanePatch,
    signal: AbortSignal,
  ): Promise<void>;
  changeDeployment(name: string, patch: DeploymentPatch, signal: AbortSignal): Promise<void>;
}

export function parseCluster(object: unknown): CapiCluster {
  return parse('Cluster', clusterSchema, object);
}

export function parseDeployment(object: unknown): MachineDeployment {
  return parse('MachineDeployment', deploymentSchema, object);
}

export function parseMachine(object: unknown): Machine {
  return parse('Machine', machineSchema, object);
}

export function parse<Output>(kind: string, schema: z.ZodType<Output>, object: unknown): Output {
  const parsed = schema.safeParse(object);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map(({ path }) => path.map(String).join('.')).join(', ');
  throw new PortError('unexpected', `a ${kind} is not as Cluster API has it: ${where}`);
}
