// Lines of the text format of Prometheus, as far as they are looked into: name, labels, value.

const labelPattern = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export type MetricLabels = Readonly<Record<string, string>>;

export function labelsOf(line: string): MetricLabels {
  return Object.fromEntries(
    [...line.matchAll(labelPattern)].map(([, name = '', value = '']) => [name, value]),
  );
}

/** 0 for a line that was torn. */
export function valueOf(line: string): number {
  const value = Number(line.slice(line.lastIndexOf(' ') + 1));
  return Number.isFinite(value) ? value : 0;
}
