// Reads an observation that `observe` has written, maybe on another machine, maybe by another
// version: it is checked field by field, and every problem is told at once.

import { z } from 'zod';

import { zodWords } from '../activities/adapters/zod-words';
import { toldComponents } from '../domain/machine-observation';
import {
  controlPlaneHolds,
  drivenChanges,
  limitedDrivers,
  type Observation,
  rolloutHolds,
} from '../domain/observation';
import { CliError } from './cli-error';
import { exitCodes } from './exit-codes';
import { preflightEvidence, problem } from './observation-evidence';
import { keysOf, problemsOf } from './zod-problems';

const version = z.string().regex(/^\d+\.\d+\.\d+$/, 'is no version such as 1.29.15');
const name = z.string().min(1);
const text = z.string();
const amount = z.int().nonnegative();

const unobserved = z.object({ kind: z.literal('unobserved'), problem });
const ref = z.object({ namespace: name, name });

const controller = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('observed'), version, healthy: z.boolean() }),
  unobserved,
]);

const certificate = z.object({ expiresAt: text, expiresInSeconds: z.number() });

const member = z.object({
  name,
  endpoint: text,
  apiServer: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('observed'),
      version,
      emulates: text.optional(),
      ready: z.boolean(),
      failingChecks: z.array(text),
      failingLiveChecks: z.array(text).optional(),
    }),
    unobserved,
  ]),
  controllerManager: controller,
  scheduler: controller,
  certificates: z
    .object({
      'kube-apiserver': certificate.optional(),
      'kube-controller-manager': certificate.optional(),
      'kube-scheduler': certificate.optional(),
    })
    .optional(),
});

const etcdMember = z.object({
  name: text,
  endpoint: text,
  version: text,
  clusterVersion: text.optional(),
  isLeader: z.boolean(),
  isLearner: z.boolean(),
  alarms: z.array(text),
  dbSizeBytes: amount,
  dbSizeInUseBytes: amount,
  quotaBytes: amount,
  raftIndex: amount,
  raftAppliedIndex: amount,
  certificate: certificate.optional(),
});

const etcd = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('observed'),
    memberCount: amount,
    members: z.array(etcdMember),
    unreachable: z.array(z.object({ name: text, endpoint: text, problem })),
    hashesAgree: z.boolean(),
  }),
  unobserved,
]);

const node = z.object({
  name,
  labels: z.record(text, text),
  zone: text,
  isControlPlane: z.boolean(),
  kubeletVersion: version,
  ready: z.boolean(),
  cordon: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('none') }),
    z.object({ kind: z.literal('ours'), reason: text }),
    z.object({ kind: z.literal('foreign') }),
  ]),
  evictablePods: amount,
  statefulPods: amount.optional(),
});

const budget = z.object({
  budget: ref,
  disruptionsAllowed: amount,
  currentHealthy: amount,
  desiredHealthy: amount,
  expectedPods: amount,
  observed: z.boolean(),
  syncFailed: z.boolean(),
  minAvailable: text.optional(),
  maxUnavailable: text.optional(),
});

const machineFacts = z.object({
  space: z.array(z.object({ path: text, mount: text, freeBytes: amount })),
  availableMemoryBytes: amount.optional(),
  swapBytes: amount.optional(),
  cgroup: z.union([z.literal(1), z.literal(2)]).optional(),
  runtime: z.object({ name: text, version }).optional(),
  failSwapOn: z.boolean().optional(),
  failCgroupV1: z.boolean().optional(),
  components: z.array(
    z.object({
      component: z.enum(toldComponents),
      flags: z.array(text),
      gates: z.array(text),
      plugins: z.array(text),
    }),
  ),
  kubeadmFlags: z.array(text).optional(),
  clock: z.object({ aheadMs: z.number(), doubtMs: z.number() }).optional(),
  kubeletCertificateSecondsLeft: z.number().optional(),
  automaticUpgrades: z.array(text),
  images: z.array(text).optional(),
  releases: z.array(version).optional(),
});

const machine = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('observed'), name, facts: machineFacts }),
  z.object({ kind: z.literal('unobserved'), name, problem }),
]);

const etcdUnitFault = z.discriminatedUnion('why', [
  z.object({ why: z.literal('unit-missing'), unit: text }),
  z.object({ why: z.literal('unit-stopped'), unit: text, state: text }),
  z.object({ why: z.literal('not-etcd'), unit: text, program: text }),
  z.object({ why: z.literal('other-name'), name: text }),
  z.object({ why: z.literal('flag-missing'), flag: text }),
  z.object({ why: z.literal('peers-several'), urls: text }),
  z.object({ why: z.literal('data-missing'), directory: text }),
  z.object({ why: z.literal('log-apart'), directory: text }),
  z.object({ why: z.literal('file-missing'), flag: text, file: text }),
  z.object({ why: z.literal('programs-missing'), version: text }),
  z.object({ why: z.literal('other-minor'), version: text, wanted: text }),
]);

const etcdPlaces = z.object({
  controlPlanes: z.array(
    z.discriminatedUnion('kind', [
      z.object({
        kind: z.literal('observed'),
        name,
        isPod: z.boolean(),
        endpoints: z.array(z.object({ url: text, sockets: z.array(text) })),
      }),
      z.object({ kind: z.literal('unobserved'), name, problem }),
    ]),
  ),
  units: z
    .array(
      z.discriminatedUnion('kind', [
        z.object({
          kind: z.literal('observed'),
          name: text,
          version: text,
          sockets: z.array(text),
          faults: z.array(etcdUnitFault),
        }),
        z.object({ kind: z.literal('unobserved'), name: text, problem }),
      ]),
    )
    .optional(),
});

const machineDeployment = z.object({
  name,
  pool: name,
  version: version.optional(),
  replicas: amount,
  maxUnavailable: amount,
  nodes: z.array(name),
  holds: z.array(z.enum(rolloutHolds)),
  drainTimeout: text.optional(),
});

const controlPlaneObject = z.object({
  object: name,
  version: version.optional(),
  replicas: amount,
  nodes: z.array(name),
  holds: z.array(z.enum(controlPlaneHolds)),
});

const observationSchema = z.object({
  schema: z.literal('ascent.observation/v1'),
  cluster: name,
  observedAt: text.pipe(
    z.iso.datetime({ offset: true, error: 'is no time such as 2026-11-21T04:00:00Z' }),
  ),
  members: z.array(member),
  etcd,
  leases: z.array(
    z.object({
      component: z.enum(['kube-controller-manager', 'kube-scheduler']),
      holder: text,
      renewedSecondsAgo: z.number(),
      durationSeconds: z.number(),
    }),
  ),
  nodes: z.array(node),
  unreportedNodes: z.array(z.object({ name, reported: text })).optional(),
  namespaces: z.array(name).optional(),
  budgets: z.array(budget),
  budgetOverlaps: z.array(z.object({ pod: ref, budgets: z.array(ref) })),
  availableVersions: z.array(version).optional(),
  availableEtcdVersions: z.array(version).optional(),
  machines: z.array(machine).optional(),
  etcdPlaces: etcdPlaces.optional(),
  changedAs: z.literal('member').optional(),
  drives: z.array(z.enum(drivenChanges)).optional(),
  driver: z.enum(limitedDrivers).optional(),
  controlPlaneObject: controlPlaneObject.optional(),
  machineDeployments: z.array(machineDeployment).optional(),
  servedMinors: z.array(text).optional(),
  snapshotEtcd: version.optional(),
  ...preflightEvidence,
  snapshotStore: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('writable'),
      location: text,
      freeBytes: amount.optional(),
      scratch: z.object({ location: text, freeBytes: amount }).optional(),
      keyProblem: problem.optional(),
      recordsProblem: problem.optional(),
      unopened: z.array(z.object({ key: text, snapshots: amount })).optional(),
    }),
    z.object({ kind: z.literal('unusable'), location: text, problem }),
  ]),
});

/** Every field there may be, at whatever depth, as a file has it: without brands. */
type Whole<T> = T extends { readonly brand: unknown }
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Whole<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]-?: Whole<Exclude<T[Key], undefined>> }
      : T;

/** What a file does not keep, a preflight of it is silent about: that does not compile. */
type KeptAs<Known, _Kept extends Whole<Known>> = Known;
type Kept = KeptAs<Observation, Whole<z.output<typeof observationSchema>>>;

/** Throws CliError `observation-invalid` with every problem and its place. */
export function parseObservation(json: string, file: string): Observation {
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch (error) {
    throw invalid(file, [error instanceof Error ? error.message : String(error)]);
  }
  const parsed = observationSchema.safeParse(data, { error: zodWords });
  if (!parsed.success) {
    const knownKeys = keysOf(z.toJSONSchema(observationSchema, { io: 'input' }));
    throw invalid(file, problemsOf(parsed.error, { data, knownKeys }));
  }
  // Names and versions were checked just now; the brands say so.
  return parsed.data as unknown as Kept;
}

function invalid(file: string, problems: readonly string[]): CliError {
  return new CliError({
    exitCode: exitCodes.invalidInput,
    code: 'observation-invalid',
    message: `the observation ${file} is not valid`,
    remedy: 'write it again with `observe --file`',
    problems,
  });
}
