// Records of Helm releases as Helm itself stores them.

import { gzipSync } from 'node:zlib';

export interface HelmRecordOptions {
  readonly namespace: string;
  readonly name: string;
  readonly revision?: number;
  readonly status?: 'deployed' | 'superseded' | 'failed';
  readonly manifest?: string;
}

/** What stands in the record: base64 of gzip of JSON. */
export function helmPayload(value: unknown): string {
  return gzipSync(JSON.stringify(value)).toString('base64');
}

/** A release as JSON, with a value that nobody may see. */
export function helmRelease({ name, namespace, revision = 1, manifest = '' }: HelmRecordOptions) {
  return {
    name,
    namespace,
    version: revision,
    info: { status: 'deployed' },
    chart: { metadata: { name: 'shop', version: '1.2.3' }, values: { password: 's3cret' } },
    config: { password: 's3cret' },
    manifest,
  };
}

/** The Secret of a release; `payload` in the place of what Helm would write. */
export function helmSecret(options: HelmRecordOptions, payload?: string) {
  const stored = payload ?? helmPayload(helmRelease(options));
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'helm.sh/release.v1',
    metadata: helmMetadata(options),
    data: { release: Buffer.from(stored, 'latin1').toString('base64') },
  };
}

export function helmConfigMap(options: HelmRecordOptions) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: helmMetadata(options),
    data: { release: helmPayload(helmRelease(options)) },
  };
}

function helmMetadata({ namespace, name, revision = 1, status = 'deployed' }: HelmRecordOptions) {
  return {
    name: `sh.helm.release.v1.${name}.v${revision}`,
    namespace,
    labels: { owner: 'helm', name, status, version: String(revision) },
  };
}

/** One that 1.29 does not serve any more, and one that everybody serves. */
export const oldManifest = [
  '---',
  '# Source: shop/templates/flow.yaml',
  'apiVersion: flowcontrol.apiserver.k8s.io/v1beta2',
  'kind: FlowSchema',
  'metadata:',
  '  name: shop',
  '---',
  '# Source: shop/templates/config.yaml',
  'apiVersion: v1',
  'kind: Secret',
  'metadata:',
  '  name: shop',
  'stringData:',
  '  password: s3cret',
  '',
].join('\n');
