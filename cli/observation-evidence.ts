// The part of an observation file that only a preflight asks for: what is in use, what API servers
// call, what runs in the cluster.

import { z } from 'zod';

import { addonKinds } from '../domain/addons';
import { guardedRequests } from '../domain/api-extensions';
import { optionComponents, optionMaps } from '../domain/component-options';
import { addonStatements } from '../domain/knowledge/addons';
import { helmFlaws, helmStores } from '../domain/helm-releases';

const name = z.string().min(1);
const text = z.string();
const amount = z.int().nonnegative();

export const problem = z.object({
  code: z.enum(['unreachable', 'unauthorized', 'forbidden', 'timeout', 'unexpected']),
  message: text,
});

function seen<Item extends z.ZodType>(item: Item) {
  return z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('observed'), items: z.array(item) }),
    z.object({ kind: z.literal('unobserved'), problem }),
  ]);
}

const deprecatedApi = z.object({
  group: text,
  version: name,
  resource: name,
  removedIn: text.optional(),
  requests: amount,
});

const rejectingLevel = z.object({
  level: text,
  rejected: amount,
  waiting: amount,
  used: amount,
  limit: amount,
});

const deprecatedUse = z.array(
  z.object({
    member: name,
    use: z.discriminatedUnion('kind', [
      z.object({
        kind: z.literal('observed'),
        items: z.array(deprecatedApi),
        upSeconds: z.number().positive().optional(),
        rejecting: z.array(rejectingLevel).optional(),
      }),
      z.object({ kind: z.literal('unobserved'), problem }),
    ]),
  }),
);

const backend = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('url'), host: text }),
  z.object({
    kind: z.literal('service'),
    name,
    isThere: z.boolean(),
    // JSON has no undefined: an endpoint that names no node was written as null.
    endpoints: z.array(z.union([name, z.null().transform(() => undefined)])),
  }),
]);

const trust = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('read'), expiresAt: text, expiresInSeconds: z.number() }),
  z.object({ kind: z.literal('unreadable') }),
]);

const extensions = z.object({
  admission: seen(
    z.object({
      kind: z.enum(['validating', 'mutating']),
      name,
      failurePolicy: z.enum(['Fail', 'Ignore']),
      timeoutSeconds: z.number(),
      guards: z.array(z.enum(guardedRequests)),
      guardsItself: z.boolean(),
      isConditional: z.boolean(),
      backend,
      trust: trust.optional(),
    }),
  ),
  conversion: seen(
    z.object({ name, storedVersions: z.array(text), backend, trust: trust.optional() }),
  ),
  aggregated: seen(z.object({ name, unavailable: text.optional(), trust: trust.optional() })),
  definitions: z
    .array(
      z.object({
        name,
        versions: z.array(z.object({ name, served: z.boolean(), storage: z.boolean() })),
        storedVersions: z.array(text),
      }),
    )
    .optional(),
});

const source = z.object({ url: text, date: text });

const addonHead = {
  schema: z.literal('ascent.addon/v1'),
  addon: name,
  title: text,
  images: z.array(text),
  definitions: z.array(text).optional(),
  versionFrom: z.literal('label').optional(),
  sources: z.record(text, source),
  file: text.optional(),
};

const statement = z.enum(addonStatements);

const addonRelease = z.object({
  first: name,
  last: name.optional(),
  from: name,
  to: name.optional(),
  source: text,
  file: text.optional(),
});

/** As a user's files have them: laid over what ships, when they were observed. */
const ownAddons = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('read'),
    addons: z.array(
      z.union([
        z.object({ ...addonHead, statement, releases: z.array(addonRelease) }),
        z.object({
          ...addonHead,
          statement,
          follows: z.object({ behind: amount, source: text }),
        }),
        z.object({ ...addonHead, unknown: z.object({ why: text, source: text }) }),
      ]),
    ),
  }),
  z.object({ kind: z.literal('unread'), problems: z.array(text) }),
]);

const addons = z.object({
  workloads: z.array(z.object({ workload: name, images: z.array(text), version: text.optional() })),
  unlisted: z.array(z.object({ kind: z.enum(addonKinds), problem })),
  own: ownAddons.optional(),
});

const storedObjects = z.object({
  until: name.optional(),
  uses: z.array(z.object({ apiVersion: name, kind: name, object: text, writers: z.array(text) })),
  unlisted: z.array(z.object({ resource: text, problem })),
});

const volumes = z.object({
  uses: z.array(
    z.object({ field: name, kind: z.enum(['PersistentVolume', 'StorageClass']), name: text }),
  ),
  drivers: z.array(text).optional(),
  unlisted: z.array(
    z.object({ list: z.enum(['persistentvolumes', 'storageclasses', 'csidrivers']), problem }),
  ),
});

const options = {
  component: z.enum(optionComponents),
  flags: z.array(text),
  gates: z.array(text),
  plugins: z.array(text),
  values: z.record(text, text).optional(),
};

const staticPods = z.array(z.object({ ...options, pod: name, node: name }));

const configMaps = z.object({
  options: z.array(z.object({ ...options, map: z.enum(optionMaps) })),
  unread: z.array(z.object({ map: z.enum(optionMaps), problem })),
});

const helmRecord = { name: text, revision: z.number() };

const helmReleases = z.object({
  releases: z.array(
    z.object({
      ...helmRecord,
      chart: text.optional(),
      objects: z.array(
        z.object({
          place: z.object({ file: text, line: z.number() }),
          apiVersion: text,
          kind: text,
          namespace: text.optional(),
          name: text.optional(),
          volumes: z.array(
            z.object({
              field: text.optional(),
              provisioner: text.optional(),
              line: z.number(),
            }),
          ),
        }),
      ),
    }),
  ),
  unread: z.array(z.object({ ...helmRecord, flaw: z.enum(helmFlaws) })),
  unlisted: z.array(z.object({ store: z.enum(helmStores), problem })),
  leftOut: amount,
});

/** Each is absent where nobody looked, as in files that were written before it was looked at. */
export const preflightEvidence = {
  deprecatedUse: deprecatedUse.optional(),
  extensions: extensions.optional(),
  addons: addons.optional(),
  storedObjects: storedObjects.optional(),
  volumes: volumes.optional(),
  staticPods: staticPods.optional(),
  configMaps: configMaps.optional(),
  helmReleases: helmReleases.optional(),
};
