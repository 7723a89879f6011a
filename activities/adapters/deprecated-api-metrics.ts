// Which deprecated APIs an API server was asked for, out of its metrics, line by line: of a busy
// one they are tens of megabytes.

import type { DeprecatedApiUse } from '../../domain/deprecated-apis';

const asked = 'apiserver_requested_deprecated_apis{';
const counted = 'apiserver_request_total{';
const labelPattern = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** In the order of the metrics. Lines that are something else are passed over. */
export async function deprecatedApisIn(
  lines: AsyncIterable<string>,
): Promise<readonly DeprecatedApiUse[]> {
  const requests = new Map<string, number>();
  const found: Omit<DeprecatedApiUse, 'requests'>[] = [];
  for await (const line of lines) {
    if (line.startsWith(counted)) {
      const key = keyOf(apiOf(labelsOf(line)));
      requests.set(key, (requests.get(key) ?? 0) + valueOf(line));
    } else if (line.startsWith(asked) && valueOf(line) > 0) {
      const labels = labelsOf(line);
      const removedIn = labels['removed_release'] ?? '';
      found.push({ ...apiOf(labels), ...(removedIn === '' ? {} : { removedIn }) });
    }
  }
  return found.map((api) => ({ ...api, requests: requests.get(keyOf(api)) ?? 0 }));
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
