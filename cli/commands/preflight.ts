// `preflight`: what would stop a hop now, before anything is started.

import type { Command } from 'commander';

import { planAndCheck } from '../../activities/plan';
import type { Finding } from '../../domain/preflight/findings';
import type { Observation } from '../../domain/observation';
import { evaluatePreflight } from '../../domain/preflight/preflight';
import { plannedMs } from '../../domain/plan/planned-time';
import { installableOn, knownReleases, newestPatch } from '../../domain/plan/releases';
import type { KubeVersion } from '../../domain/versions';
import { minorOf, nextMinor, oldest } from '../../domain/versions';
import { CliError } from '../cli-error';
import { readObservation, readSpec } from '../cluster-view';
import { findingDocument } from '../documents';
import { exitCodes } from '../exit-codes';
import { findingTotals, renderFindings } from '../render/findings';
import type { Answer, CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';
import { planAnswer } from './plan';

interface PreflightOptions {
  readonly spec?: string;
  readonly observation?: string;
}

interface Versions {
  readonly from: KubeVersion;
  readonly to: KubeVersion;
}

export function addPreflight(program: Command, run: CommandRun): void {
  const command = program
    .command('preflight')
    .summary('look for what would stop an upgrade')
    .description(
      'Looks for what would stop the first hop: of the spec, or without one of an upgrade to the' +
        ' next minor. Reads only. Exit code 4 when something blocks.',
    )
    .option('-s, --spec <file>', 'the upgrade that is wanted (YAML)')
    .option('--observation <file>', 'look at what observe has written, without the cluster')
    .addHelpText(
      'after',
      examples([
        ['preflight --access access.json', 'could this cluster go to the next minor now?'],
        ['preflight --spec upgrade.yaml -o json', 'for a script: kind is clear or blocked'],
      ]),
    );
  run.bind<PreflightOptions>(command, preflight);
}

async function preflight(invocation: Invocation<PreflightOptions>) {
  const { context, options } = invocation;
  const spec = options.spec === undefined ? undefined : await readSpec(context, options.spec);
  const observation = await readObservation(
    { context, options, withMachines: true },
    spec?.cluster,
  );
  const result = spec === undefined ? undefined : planAndCheck({ spec }, observation);
  if (result?.kind === 'blocked') {
    invocation.print(planAnswer(result));
    return exitCodes.refused;
  }
  const hops = result?.plan.hops ?? [];
  const hop = hops[0] ?? nextHop(observation);
  const planned = { hopMs: plannedMs(hops.slice(0, 1)), pathMs: plannedMs(hops) };
  const { findings } = evaluatePreflight({ observation, hop, planned });
  invocation.print(preflightAnswer(observation, hop, findings));
  return isBlocked(findings) ? exitCodes.findings : exitCodes.ok;
}

function isBlocked(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'blocks');
}

function preflightAnswer(
  { cluster }: Observation,
  { from, to }: Versions,
  findings: readonly Finding[],
): Answer {
  return {
    json: withSchema('ascent.preflight-result/v1', {
      kind: isBlocked(findings) ? 'blocked' : 'clear',
      cluster,
      hop: { from, to },
      findings: findings.map((finding) => findingDocument(finding, { from, to })),
    }),
    lines: (style, width) => [
      style.strong(`Preflight of cluster ${cluster} for ${from} → ${to}`),
      '',
      ...renderFindings(findings, style, width),
      ...(findings.length === 0 ? ['nothing was found'] : ['', findingTotals(findings)]),
    ],
  };
}

/** To the newest release of the next minor that can be had, from the oldest API server. */
function nextHop(observation: Observation): Versions {
  const [first, ...rest] = observation.members.flatMap(({ apiServer }) =>
    apiServer.kind === 'observed' ? [apiServer.version] : [],
  );
  if (first === undefined) {
    throw new CliError({
      exitCode: exitCodes.unreachable,
      code: 'cluster-unreachable',
      message: `no API server of ${observation.cluster} answered`,
      remedy: 'see that the cluster runs and that its addresses in the access file are right',
    });
  }
  const from = oldest([first, ...rest]);
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
