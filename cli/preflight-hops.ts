// Which hops `preflight` looks at: those of a plan, of a path that is named, or the next one.

import { planAndCheck } from '../activities/plan';
import type { PlanBlocker } from '../domain/blockers';
import type { Observation } from '../domain/observation';
import { resolvePath } from '../domain/plan/path';
import { installableOn, knownReleases, newestPatch } from '../domain/plan/releases';
import type { PathHop } from '../domain/preflight/path-preflight';
import { pathOf } from '../domain/preflight/path-preflight';
import type { UpgradeSpec } from '../domain/spec';
import type { KubeVersion } from '../domain/versions';
import { compareMinors, minorOf, nextMinor, oldest } from '../domain/versions';
import { CliError, usageError } from './cli-error';
import { exitCodes } from './exit-codes';
import type { MinorPath } from './minor-path';

export type Hops =
  | { readonly kind: 'found'; readonly hops: readonly PathHop[] }
  | { readonly kind: 'blocked'; readonly blockers: readonly [PlanBlocker, ...PlanBlocker[]] };

interface Wanted {
  readonly spec?: UpgradeSpec | undefined;
  readonly path?: MinorPath | undefined;
}

/** Throws CliError where no API server answered, or the path begins elsewhere. */
export function hopsOf({ spec, path }: Wanted, observation: Observation): Hops {
  if (spec !== undefined) {
    const result = planAndCheck({ spec }, observation);
    return result.kind === 'blocked' ? result : { kind: 'found', hops: pathOf(result.plan.hops) };
  }
  const current = oldestApiServer(observation);
  if (path !== undefined) return namedHops(path, observation, current);
  return { kind: 'found', hops: [nextHop(observation, current)] };
}

function namedHops({ from, to }: MinorPath, observation: Observation, current: KubeVersion): Hops {
  const at = minorOf(current);
  if (at !== from) {
    throw usageError(
      `--path begins at ${from}, and ${observation.cluster} runs ${at}`,
      compareMinors(at, to) < 0
        ? `name the way from there: --path ${at}..${to}`
        : `name a way from ${at} on`,
    );
  }
  const installable = installableOn(observation.availableVersions, knownReleases);
  const spec = { target: to, via: [] };
  const { targets = [], blockers } = resolvePath({ spec, current, installable });
  const [first, ...others] = blockers;
  if (first !== undefined) return { kind: 'blocked', blockers: [first, ...others] };
  const hops = targets.map((version, index) => ({
    from: targets[index - 1] ?? current,
    to: version,
  }));
  return { kind: 'found', hops };
}

/** To the newest release of the next minor that can be had. */
function nextHop(observation: Observation, from: KubeVersion): PathHop {
  const installable = installableOn(observation.availableVersions, knownReleases);
  const to = newestPatch(installable, nextMinor(minorOf(from)));
  if (to !== undefined) return { from, to };
  throw new CliError({
    exitCode: exitCodes.refused,
    code: 'release-missing',
    message: `no release of ${nextMinor(minorOf(from))} can be installed on ${observation.cluster}`,
    remedy: 'make one available to the driver, or name a target with --spec',
  });
}

function oldestApiServer({ members, cluster }: Observation): KubeVersion {
  const [first, ...rest] = members.flatMap(({ apiServer }) =>
    apiServer.kind === 'observed' ? [apiServer.version] : [],
  );
  if (first !== undefined) return oldest([first, ...rest]);
  throw new CliError({
    exitCode: exitCodes.unreachable,
    code: 'cluster-unreachable',
    message: `no API server of ${cluster} answered`,
    remedy: 'see that the cluster runs and that its addresses in the access file are right',
  });
}
