// The minor that the path ends at, held against the end of its support and the planned end of the
// path. It stops no hop, and waiting makes it worse: so these are notes. What is left on the way,
// the minor of today among it, is left by the upgrade itself.

import { count } from '../counts';
import { dayNumber } from '../days';
import { formatDuration } from '../durations';
import type { Knowledge } from '../knowledge/knowledge';
import { fileOf, sourceText, whyUnknown } from '../knowledge/lookups';
import { shippedKnowledge } from '../knowledge/shipped';
import { type KubeMinor, minorOf } from '../versions';
import type { Finding } from './findings';
import type { PreflightFacts } from './preflight-cluster';

const dayMs = 86_400_000;

/** Two months: what Kubernetes calls maintenance mode, in which a minor gets the gravest fixes. */
const lastDays = 60;

interface SupportFacts {
  readonly observation: Pick<PreflightFacts['observation'], 'observedAt'>;
  readonly planned?: PreflightFacts['planned'];
  readonly known?: Knowledge;
}

/** Nothing where no path is planned. */
export function supportFindings({
  observation,
  planned,
  known = shippedKnowledge,
}: SupportFacts): readonly Finding[] {
  if (planned?.pathTo === undefined) return [];
  const minor = minorOf(planned.pathTo);
  const file = fileOf(known, minor);
  if (file?.support?.ends === undefined) return [unknownFinding(known, minor)];
  const { ends, source } = file.support;
  const daysLeft = dayNumber(ends) - dayNumber(observation.observedAt);
  const when = endsText({ ends, daysLeft, pathMs: planned.pathMs });
  if (when === undefined) return [];
  return [
    {
      code: 'support-ends',
      severity: 'notes',
      object: { kind: 'cluster' },
      message: `support of ${minor}, where the path ends, ${when}`,
      remedy:
        'let the path go on to a newer minor, or plan the next path;' +
        ` see ${sourceText(file, source)}`,
      about: minor,
      evidence: { minor, ends },
      figures: { daysLeft },
    },
  ];
}

interface SupportEnd {
  readonly ends: string;
  /** From the observation on. */
  readonly daysLeft: number;
  readonly pathMs: number;
}

/** Undefined: long enough. */
function endsText({ ends, daysLeft, pathMs }: SupportEnd): string | undefined {
  if (daysLeft < 0) return `ended on ${ends}`;
  const after = daysLeft - Math.ceil(pathMs / dayMs);
  if (after > lastDays) return undefined;
  const path = `the path takes ${formatDuration(pathMs)} as planned`;
  if (after < 0) return `ends on ${ends}, before the path does: ${path}`;
  return `ends on ${ends}, ${count(after, 'day')} after the path: ${path}`;
}

function unknownFinding(known: Knowledge, minor: KubeMinor): Finding {
  const why = whyUnknown(known, minor, 'support') ?? 'its file names no day';
  return {
    code: 'support-unknown',
    severity: 'notes',
    object: { kind: 'cluster' },
    message: `when support of ${minor}, where the path ends, is over is not known: ${why}`,
    remedy: 'see https://kubernetes.io/releases/',
    about: minor,
  };
}
