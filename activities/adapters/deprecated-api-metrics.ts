// Which deprecated APIs an API server was asked for, out of its metrics, line by line: of a busy
// one they are tens of megabytes.

import type { DeprecatedApiUse, ObservedUse } from '../../domain/deprecated-apis';

const asked = 'apiserver_requested_deprecated_apis{';
const counted = 'apiserver_request_total{';
const started = 'process_start_time_seconds ';
const labelPattern = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** In the order of the metrics. Lines that are something else are passed over. */
export async function deprecatedUseIn(
  lines: AsyncIterable<string>,
  nowMs: number,
): Promise<ObservedUse> {
  const requests = new Map<string, number>();
  const found: Omit<DeprecatedApiUse, 'requests'>[] = [];
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
    }
  }
  const items = found.map((api) => ({ ...api, requests: requests.get(keyOf(api)) ?? 0 }));
  if (startedSeconds === 0) return { kind: 'observed', items };
  // Clocks of two machines may disagree.
  const upSeconds = Math.max(1, Math.round(nowMs / 1_000 - startedSeconds));
  return { kind: 'observed', items, upSeconds };
}

type Labels = Readonly<Record<string, string>>;

function labelsOf(line: string): Labels {
  return Object.fromEntries(
    [...line.matchAll(labelPattern)].map(([, name = '', value = '']) => [name, value]),
  );
}

function apiOf(labels: Labels): Pick<DeprecatedApiUse, 'group' | 'version' | 'resource'> {
  const { group = '', version = '', resource = '', subresource = '' } = labels;
  return { group, version, resource: subresource === '' ? resource : `${resource}/${subresource}` };
}

function keyOf({ group, version, resource }: ReturnType<typeof apiOf>): string {
  return [group, version, resource].join(' ');
}

function valueOf(line: string): number {
  const value = Number(line.slice(line.lastIndexOf(' ') + 1));
  return Number.isFinite(value) ? value : 0;
}
