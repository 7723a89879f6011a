// Which deprecated APIs an API server was asked for, and what it has turned away, out of its
// metrics, line by line: of a busy one they are tens of megabytes.

import type { DeprecatedApiUse, ObservedUse } from '../../domain/deprecated-apis';
import { FlowControlMetrics } from './flow-control-metrics';
import { labelsOf, type MetricLabels, valueOf } from './metric-lines';

const asked = 'apiserver_requested_deprecated_apis{';
const counted = 'apiserver_request_total{';
const started = 'process_start_time_seconds ';

/** In the order of the metrics. Lines that are something else are passed over. */
export async function deprecatedUseIn(
  lines: AsyncIterable<string>,
  nowMs: number,
): Promise<ObservedUse> {
  const requests = new Map<string, number>();
  const found: Omit<DeprecatedApiUse, 'requests'>[] = [];
  const flowControl = new FlowControlMetrics();
  let startedSeconds = 0;
  for await (const line of lines) {
    if (line.startsWith(counted)) {
      const key = keyOf(apiOf(labelsOf(line)));
      requests.set(key, (requests.get(key) ?? 0) + valueOf(line));
    } else if (line.startsWith(asked) && valueOf(line) > 0) {
      const labels = labelsOf(line);
      const removedIn = labels['removed_release'] ?? '';
      found.push({ ...apiOf(labels), ...(removedIn === '' ? {} : { removedIn }) });
    } else if (line.startsWith(started)) {
      startedSeconds = valueOf(line);
    } else {
      flowControl.take(line);
    }
  }
  const items = found.map((api) => ({ ...api, requests: requests.get(keyOf(api)) ?? 0 }));
  const rejecting = flowControl.rejecting();
  // Clocks of two machines may disagree.
  const upSeconds = Math.max(1, Math.round(nowMs / 1_000 - startedSeconds));
  return {
    kind: 'observed',
    items,
    ...(startedSeconds === 0 ? {} : { upSeconds }),
    ...(rejecting.length === 0 ? {} : { rejecting }),
  };
}

function apiOf(labels: MetricLabels): Pick<DeprecatedApiUse, 'group' | 'version' | 'resource'> {
  const { group = '', version = '', resource = '', subresource = '' } = labels;
  return { group, version, resource: subresource === '' ? resource : `${resource}/${subresource}` };
}

function keyOf({ group, version, resource }: ReturnType<typeof apiOf>): string {
  return [group, version, resource].join(' ');
}
