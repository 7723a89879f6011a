// What an upgrade file may say: one schema for reading it, for its defaults and for the JSON Schema
// that editors complete it with (docs/spec.schema.json, written by tools/spec/write-schema.mjs).
// Every message says what is expected, so that spec-file.ts only adds where.

import { z } from 'zod';

import type { ClusterName, PoolName } from '../domain/names';
import { isLabelKey, labelKeyWanted } from '../domain/drain/label-selector';
import { isPercentage, maxUnavailableWanted } from '../domain/pool/pool-limits';
import type { EtcdTarget, PoolSpec, UpgradeSpec } from '../domain/spec';
import type { KubeMinor, KubeVersion } from '../domain/versions';
import { parseMinor, parseVersion } from '../domain/versions';
import { drainSchema, toDrainPolicy } from './drain-schema';
import { dnsLabelPattern, duration, expecting } from './spec-fields';

/**
 * What a field is when the file does not say it.
 * - `maxUnavailable`, `zones` and `lane`: the choices that put the least at risk.
 */
const specDefaults = {
  approvals: 'between-hops',
  rollback: 'never',
  soak: '15m',
  controlPlane: { memberTimeout: '15m', allowSingleMember: false },
  pools: [{ name: 'workers' }],
  pool: {
    lane: 'every-hop',
    maxUnavailable: 1,
    zones: 'one-at-a-time',
    upgradeTimeout: '15m',
    reboot: 'never',
    rebootTimeout: '10m',
    nodeSoak: '10s',
  },
} as const;

/** Pool names that would clash with the id of another workflow of the hop. */
const reservedPoolNames: readonly string[] = ['rollback'];

function dnsLabel(description: string) {
  const wanted = 'a name of at most 63 lower-case letters, digits and dashes';
  return z
    .string(expecting(wanted))
    .regex(dnsLabelPattern, expecting(wanted))
    .meta({ description });
}

const target = z
  .string(expecting('a minor such as "1.30" or a release such as "1.30.14"'))
  .regex(/^v?\d+\.\d+(\.\d+)?$/, expecting('a minor such as "1.30" or a release such as "1.30.14"'))
  .transform((text) => (parseVersion(text) ?? parseMinor(text)) as KubeVersion | KubeMinor)
  .meta({
    description: 'A minor (its newest patch that can be had) or a release. Quote it: 1.30 is 1.3.',
    examples: ['1.30', '1.30.14'],
  });

const release = z
  .string(expecting('a release such as "1.29.15"'))
  .regex(/^v?\d+\.\d+\.\d+$/, expecting('a release such as "1.29.15"'))
  .transform((text) => parseVersion(text) as KubeVersion);

const hopMinor = z
  .string(expecting('the minor of a hop such as "1.30"'))
  .regex(/^v?\d+\.\d+$/, expecting('the minor of a hop such as "1.30"'))
  .transform((text) => parseMinor(text) as KubeMinor)
  .meta({ description: 'Minor that the control plane goes to in that hop. Quote it.' });

const etcdVersionWanted = expecting('a release of etcd such as "3.6.16"');

const etcdTarget = z.strictObject(
  {
    hop: hopMinor,
    version: z
      .string(etcdVersionWanted)
      .regex(/^v?\d+\.\d+\.\d+$/, etcdVersionWanted)
      .transform((text) => parseVersion(text) as KubeVersion)
      .meta({ description: 'Release of etcd that its members run after that hop.' }),
    order: z
      .enum(['before-api-servers', 'after-controllers'], {
        ...expecting('before-api-servers or after-controllers'),
      })
      .default('after-controllers')
      .meta({
        description:
          'When in the hop; before the API servers where they want an etcd that is newer than' +
          ' the one that runs.',
      }),
  },
  expecting('a mapping with hop and version'),
);

const emulationTarget = z.strictObject(
  {
    hop: hopMinor,
    soak: duration('0s', '90d', 'How long the new programs serve as the minor before.'),
  },
  expecting('a mapping with hop and soak'),
);

const nodesWanted = expecting(maxUnavailableWanted);

const pool = z.strictObject(
  {
    name: dnsLabel('Unique among the pools.').refine((name) => !reservedPoolNames.includes(name), {
      error: ({ input }) => `the name ${String(input)} is reserved; choose another`,
    }),
    nodeSelector: z
      .record(z.string(), z.string(expecting('a label value in quotes')), expecting('a mapping'))
      .default({})
      .meta({
        description: 'Labels that a node must have. Empty: every worker that no pool above took.',
      }),
    lane: z
      .enum(['every-hop', 'fewest-drains'], expecting('every-hop or fewest-drains'))
      .default(specDefaults.pool.lane)
      .meta({ description: 'Drained in each hop, or as seldom as the version skew allows.' }),
    maxUnavailable: z
      .union(
        [
          z.int(nodesWanted).min(1, nodesWanted),
          z.templateLiteral([z.number(), '%']).refine(isPercentage, nodesWanted),
        ],
        nodesWanted,
      )
      .default(specDefaults.pool.maxUnavailable)
      .meta({ description: 'Nodes out of service at once; percentages are rounded down, to 1.' }),
    zones: z
      .enum(['one-at-a-time', 'any'], expecting('one-at-a-time or any'))
      .default(specDefaults.pool.zones)
      .meta({
        description:
          'Whether nodes of one zone only may be out of service at once: a zone is begun when the' +
          ' one before it is through.',
      }),
    orderLabel: z
      .string(expecting(labelKeyWanted))
      .refine(isLabelKey, expecting(labelKeyWanted))
      .optional()
      .meta({
        description:
          'Key of a label, which every node of the pool has: nodes go in the order of its values,' +
          ' numbers first. Without it, those go first that disrupt the least.',
        examples: ['example.com/upgrade-order'],
      }),
    drain: drainSchema.prefault({}),
    upgradeTimeout: duration('1s', '1d', 'How long the change of one node may take.').prefault(
      specDefaults.pool.upgradeTimeout,
    ),
    reboot: z
      .enum(['never', 'always', 'when-required'], expecting('never, always or when-required'))
      .default(specDefaults.pool.reboot)
      .meta({
        description:
          'Which machines of changed nodes start again, while they are drained; when-required:' +
          ' those that say that they should, for a new kernel mostly.',
      }),
    rebootTimeout: duration(
      '10s',
      '1d',
      'How long a machine that starts again may take until it answers, besides upgradeTimeout.',
    ).prefault(specDefaults.pool.rebootTimeout),
    nodeSoak: duration(
      '0s',
      '1d',
      'How long a node must stay Ready before it counts as done.',
    ).prefault(specDefaults.pool.nodeSoak),
  },
  expecting('a mapping'),
);

/** The file as people write it. Parsing gives milliseconds and defaults; toSpec gives the spec. */
export const specSchema = z
  .strictObject(
    {
      apiVersion: z
        .literal('ascent/v1', expecting('ascent/v1'))
        .meta({ description: 'Version of this file format.' }),
      cluster: dnsLabel('Name of the cluster, as its workers know it.'),
      target,
      via: z
        .array(release, expecting('a list of releases'))
        .default([])
        .meta({ description: 'Releases for the minors in between; others get the newest patch.' }),
      approvals: z
        .enum(['none', 'between-hops', 'every-hop'], {
          ...expecting('none, between-hops or every-hop'),
        })
        .default(specDefaults.approvals)
        .meta({ description: 'Which hops wait for a person; between-hops: all but the first.' }),
      rollback: z
        .enum(['never', 'ask', 'automatic'], expecting('never, ask or automatic'))
        .default(specDefaults.rollback)
        .meta({
          description:
            'What becomes of a hop whose control plane fails before any pool of it has begun: it' +
            ' waits for a person, who is told that going back is proposed (ask), or it is rolled' +
            ' back at once (automatic), which loses what was written since its snapshot.',
        }),
      soak: duration('0s', '90d', 'How long each hop is watched before the next begins.').prefault(
        specDefaults.soak,
      ),
      controlPlane: z
        .strictObject(
          {
            memberTimeout: duration(
              '10s',
              '1d',
              'How long one member may take until it is verified in its new version.',
            ).prefault(specDefaults.controlPlane.memberTimeout),
            allowSingleMember: z
              .boolean(expecting('true or false'))
              .default(specDefaults.controlPlane.allowSingleMember)
              .meta({ description: 'Accepts that the API is down while the only member changes.' }),
            etcd: z
              .array(etcdTarget, expecting('a list of etcd versions'))
              .default([])
              .meta({ description: 'Hops that change etcd as well; empty: it stays what it is.' }),
            emulation: z
              .array(emulationTarget, expecting('a list of hops and their soaks'))
              .default([])
              .meta({
                description:
                  'Hops in two steps, from 1.32 on: the new programs serve as the minor before,' +
                  ' soak so, then as their own. Until then a rollback needs no restore.',
              }),
          },
          expecting('a mapping'),
        )
        .prefault({})
        .meta({ description: 'How the control plane changes.' }),
      pools: z
        .array(pool, expecting('a list of pools'))
        .min(1, { error: 'expected at least one pool; leave pools out for one of all workers' })
        .prefault([...specDefaults.pools])
        .meta({ description: 'In the order in which they are upgraded.' }),
    },
    expecting('a mapping with apiVersion, cluster and target'),
  )
  .meta({
    title: 'Ascent upgrade',
    description: 'What cluster goes to what Kubernetes version, and how.',
  });

/** From what the schema parsed to what planner and workflows read. */
export function toSpec(parsed: z.output<typeof specSchema>): UpgradeSpec {
  const {
    apiVersion,
    target: wanted,
    via,
    approvals,
    rollback,
    soak,
    controlPlane,
    pools,
  } = parsed;
  return {
    apiVersion,
    cluster: parsed.cluster as ClusterName,
    target: wanted,
    via,
    approvals,
    ...(rollback === specDefaults.rollback ? {} : { rollBack: rollback }),
    hopSoakMs: soak,
    controlPlane: toControlPlane(controlPlane),
    pools: pools.map(toPool),
  };
}

/** What is empty is left out: a spec must equal the one that a client before it wrote. */
function toControlPlane({
  memberTimeout,
  allowSingleMember,
  etcd,
  emulation,
}: z.output<typeof specSchema>['controlPlane']): UpgradeSpec['controlPlane'] {
  return {
    memberTimeoutMs: memberTimeout,
    allowSingleMember,
    ...(etcd.length === 0 ? {} : { etcd: etcd.map(toEtcdTarget) }),
    ...(emulation.length === 0
      ? {}
      : { emulation: emulation.map(({ hop, soak: soakMs }) => ({ hop, soakMs })) }),
  };
}

function toEtcdTarget({ hop, version, order }: z.output<typeof etcdTarget>): EtcdTarget {
  return { hop, version, ...(order === 'before-api-servers' ? { order } : {}) };
}

/** A default is left out: a spec must equal the one that a client before it wrote. */
function toPool(parsed: z.output<typeof pool>): PoolSpec {
  const { zones, orderLabel, reboot: when, rebootTimeout: timeoutMs } = parsed;
  return {
    name: parsed.name as PoolName,
    nodeSelector: parsed.nodeSelector,
    lane: parsed.lane,
    maxUnavailable: parsed.maxUnavailable,
    ...(zones === specDefaults.pool.zones ? {} : { zones }),
    ...(orderLabel === undefined ? {} : { orderLabel }),
    drain: toDrainPolicy(parsed.drain),
    upgradeTimeoutMs: parsed.upgradeTimeout,
    ...(when === 'never' ? {} : { reboot: { when, timeoutMs } }),
    nodeSoakMs: parsed.nodeSoak,
  };
}

/** The parts of a JSON Schema that this file uses. */
export interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
  readonly description?: string;
}

/** The JSON Schema (draft 2020-12) of the file as people write it: docs/spec.schema.json. */
export function specJsonSchema(): JsonSchema {
  return z.toJSONSchema(specSchema, { io: 'input', target: 'draft-2020-12' }) as JsonSchema;
}
