// lab.json: what a lab is made of. Written once, read by everything else.

import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

import { readJson, writeJsonAtomic } from './atomic-file';
import { freePortBlock } from './free-ports';
import { errnoOf, LabError, messageOf } from './lab-error';
import { labLayout } from './layout';
import { etcdVersions, kubernetesRelease, kubernetesVersions } from './toolchain/catalogue';
import { fewestPods, podsPerNode } from './workload-manifests';

const labSchema = 'ascent.lab/v1';

const portSchema = z.number().int().min(1).max(65_535);

const memberSchema = z.object({
  name: z.string(),
  /** Never bound: kube-apiserver refuses loopback as an endpoint of the `kubernetes` Service. */
  advertiseAddress: z.string(),
  ports: z.object({
    apiServer: portSchema,
    controllerManager: portSchema,
    scheduler: portSchema,
    etcdClient: portSchema,
    etcdPeer: portSchema,
  }),
});

const labFileSchema = z.object({
  schema: z.literal(labSchema),
  name: z.string(),
  createdAt: z.string(),
  /** Kubernetes release that the lab was made with. */
  version: z.string(),
  /** Of etcd; absent: what labs begin with. */
  etcdVersion: z.string().optional(),
  members: z.array(memberSchema).min(1),
  balancerPort: portSchema,
  nodes: z.array(z.object({ name: z.string(), zone: z.string() })),
  workloads: z.enum(['demo', 'none']),
  pods: z.number().int().min(0),
});

export type LabFile = Readonly<z.infer<typeof labFileSchema>>;
export type LabMember = LabFile['members'][number];
export type LabNode = LabFile['nodes'][number];

export interface LabShape {
  readonly name: string;
  readonly version: string;
  /** Of etcd; absent: the catalogue's first. */
  readonly etcdVersion?: string;
  readonly members: number;
  readonly nodes: number;
  readonly zones: number;
  readonly workloads: 'demo' | 'none';
  readonly pods: number;
}

const portsPerMember = 5;
const zoneLetters = 'abcdefghijklmnopqrstuvwxyz';

/** Every problem of the options at once; throws LabError `options-invalid`. */
export function checkShape(shape: LabShape): void {
  const problems: string[] = [];
  const whole = (what: string, value: number, low: number, high: number): boolean => {
    const isWithin = Number.isInteger(value) && value >= low && value <= high;
    if (!isWithin) {
      problems.push(`${what} is ${value}, expected a whole number from ${low} to ${high}`);
    }
    return isWithin;
  };
  if (!/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(shape.name)) {
    problems.push(`name is "${shape.name}", expected a lower-case DNS label of at most 40 letters`);
  }
  if (kubernetesRelease(shape.version) === undefined) {
    const known = kubernetesVersions.join(', ');
    problems.push(`kubernetes is ${shape.version}, expected one of ${known}, or its minor`);
  }
  const { etcdVersion } = shape;
  if (etcdVersion !== undefined && !etcdVersions.some((version) => version === etcdVersion)) {
    problems.push(`etcd is ${etcdVersion}, expected one of ${etcdVersions.join(', ')}`);
  }
  if (whole('members', shape.members, 1, 7) && shape.members % 2 === 0) {
    problems.push(`members is ${shape.members}, expected an odd number: etcd needs a majority`);
  }
  const hasNodes = whole('nodes', shape.nodes, 1, 2_000);
  whole('zones', shape.zones, 1, 26);
  // How many pods there may be is a matter of the nodes.
  const hasPods = whole('pods', shape.pods, 0, 20_000);
  if (hasNodes && hasPods && shape.workloads === 'demo') problems.push(...podProblems(shape));
  if (problems.length > 0) {
    throw new LabError('options-invalid', 'no lab can have these options', { problems });
  }
}

/** Of the demo's workloads. */
function podProblems({ nodes, pods }: LabShape): readonly string[] {
  const fewest = fewestPods(nodes);
  const most = podsPerNode * nodes;
  if (pods > most) return [`pods is ${pods}, expected at most ${most}: ${podsPerNode} a node`];
  if (pods >= fewest) return [];
  return [
    `pods is ${pods}, expected at least ${fewest} on so many nodes: with fewer, ` +
      'disruption budgets of the demo workloads let no pod go; no workloads at all need none',
  ];
}

/** A new lab on free ports. Nodes go round the zones; both are named as people would. */
export async function designLab(
  shape: LabShape,
  nowMs: number,
  reservedPorts: ReadonlySet<number>,
): Promise<LabFile> {
  const first = await freePortBlock(shape.members * portsPerMember + 1, reservedPorts);
  const digits = Math.max(2, String(shape.nodes).length);
  return {
    schema: labSchema,
    name: shape.name,
    createdAt: new Date(nowMs).toISOString(),
    version: shape.version,
    ...(shape.etcdVersion === undefined ? {} : { etcdVersion: shape.etcdVersion }),
    balancerPort: first,
    members: Array.from({ length: shape.members }, (_, index) => {
      const port = first + 1 + index * portsPerMember;
      return {
        name: `cp-${index + 1}`,
        advertiseAddress: `10.99.0.${11 + index}`,
        ports: {
          apiServer: port,
          controllerManager: port + 1,
          scheduler: port + 2,
          etcdClient: port + 3,
          etcdPeer: port + 4,
        },
      };
    }),
    nodes: Array.from({ length: shape.nodes }, (_, index) => ({
      name: `worker-${String(index + 1).padStart(digits, '0')}`,
      zone: `zone-${zoneLetters.charAt(index % shape.zones)}`,
    })),
    workloads: shape.workloads,
    pods: shape.pods,
  };
}

/** Undefined when there is no lab; throws `state-directory-unusable` for somebody else's file. */
export async function readLabFile(file: string): Promise<LabFile | undefined> {
  let value: unknown;
  try {
    value = await readJson(file);
  } catch (error) {
    throw new LabError('state-directory-unusable', `${file} is unreadable: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (value === undefined) return undefined;
  const parsed = labFileSchema.safeParse(value);
  if (!parsed.success) {
    throw new LabError('state-directory-unusable', `${file} is not a lab of this program`, {
      problems: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    });
  }
  return parsed.data;
}

export async function writeLabFile(file: string, lab: LabFile): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeJsonAtomic(file, lab);
}

export function portsOf(lab: LabFile): readonly number[] {
  return [lab.balancerPort, ...lab.members.flatMap((member) => Object.values(member.ports))];
}

/** Ports that sibling labs have recorded, up or down; unreadable siblings are not ours. */
export async function portsOfSiblings(stateDir: string): Promise<ReadonlySet<number>> {
  const parent = path.dirname(path.resolve(stateDir));
  let names: readonly string[];
  try {
    names = await readdir(parent);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return new Set();
    throw error;
  }
  const ports = await Promise.all(
    names.map(async (name) => {
      try {
        const lab = await readLabFile(labLayout(path.join(parent, name)).labFile);
        return lab === undefined ? [] : portsOf(lab);
      } catch {
        return [];
      }
    }),
  );
  return new Set(ports.flat());
}
