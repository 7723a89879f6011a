import { documentsMax, readManifests } from '../../../activities/scan/read-manifests';

const read = (text: string) => readManifests({ file: 'a.yaml', text });

const places = (text: string) =>
  read(text).objects.map(
    ({ place, apiVersion, kind, namespace, name }) =>
      `${place.line} ${apiVersion} ${kind} ${namespace ?? '-'} ${name ?? '-'}`,
  );

const skips = (text: string) =>
  read(text).skipped.map(
    ({ place, isDocument, reason }) => `${place.line} ${reason}${isDocument ? '' : ' (file)'}`,
  );

describe('objects of a text', () => {
  it('are found in several documents, with their lines', () => {
    const text =
      '# a\n---\napiVersion: v1\nkind: Pod\nmetadata: { name: a, namespace: b }\n---\n---\n' +
      'apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: c-\n';
    expect(places(text)).toEqual(['3 v1 Pod b a', '8 v1 Pod - c-']);
    expect(read(text)).toMatchObject({ documents: 3, skipped: [] });
  });

  it('are found in JSON, and in lists of any kind', () => {
    const json =
      '{"apiVersion":"v1","kind":"List","items":[\n' +
      '{"apiVersion":"batch/v1","kind":"Job"},\n' +
      '{"apiVersion":"v1","kind":"PodList","items":[\n{"metadata":{"name":"a"}}]},\n3]}';
    expect(places(json)).toEqual(['2 batch/v1 Job - -', '4 v1 Pod - a']);
    expect(skips(json)).toEqual([]);
  });

  it('are not what has no kind or no version, or is no mapping', () => {
    const text = 'kind: a\n---\napiVersion: b\n---\n- c\n---\nd\n---\nkind: List\nitems: [{}]\n';
    expect(read(text)).toEqual({ documents: 5, objects: [], skipped: [] });
    expect(places('kind: 3\napiVersion: v1\n')).toEqual([]);
    expect(read('')).toEqual({ documents: 0, objects: [], skipped: [] });
  });

  it('bring their volumes, wherever pods are described', () => {
    const pod = 'containers: []\n          volumes:\n            - { name: a, rbd: {} }\n';
    const job =
      'apiVersion: batch/v1\nkind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n' +
      `        spec:\n          ${pod}            - 3\n`;
    const volume = 'apiVersion: v1\nkind: PersistentVolume\nspec:\n  cephfs: {}\n  3: b\n';
    const storage = 'apiVersion: v1\nkind: StorageClass\nprovisioner: kubernetes.io/rbd\n';
    const volumes = (text: string) => read(text).objects.flatMap((object) => object.volumes);
    expect(volumes(job)).toEqual([
      { field: 'name', line: 10 },
      { field: 'rbd', line: 10 },
    ]);
    expect(volumes(volume)).toEqual([{ field: 'cephfs', line: 4 }]);
    expect(volumes(storage)).toEqual([{ provisioner: 'kubernetes.io/rbd', line: 3 }]);
    expect(volumes('apiVersion: v1\nkind: StorageClass\n')).toEqual([]);
    expect(volumes('apiVersion: v1\nkind: PersistentVolume\n')).toEqual([]);
  });
});

describe('what cannot be read', () => {
  it.each([
    ['a template of lines', 'a: b\n{{- if .Values.a }}\nc: d\n{{- end }}\n', ['1 template']],
    ['a template of values', 'a: {{ .Values.a }}\n', ['1 template']],
    ['a text that is no YAML', 'a: b\nc: [\n', ['3 not-yaml']],
    ['no text', 'a\0b', ['1 binary (file)']],
    ['an alias that leads nowhere', 'a: *b\n', ['1 aliases']],
    ['deep brackets', '['.repeat(6_000), ['1 too-deep (file)']],
    ['too many documents', '---\n'.repeat(documentsMax + 1), ['1 too-many-documents (file)']],
  ])('is told: %s', (_, text, expected) => {
    expect(skips(text)).toEqual(expected);
  });

  it('leaves the other documents of its file', () => {
    const text =
      'apiVersion: v1\nkind: Pod\n---\na: b: c\n---\n"{{ a }}": "{{ b }}"\n---\n' +
      'apiVersion: v1\nkind: Secret\n';
    expect(places(text)).toEqual(['1 v1 Pod - -', '8 v1 Secret - -']);
    expect(skips(text)).toEqual(['4 not-yaml']);
  });

  it('is looked at all the same where a template is YAML by chance', () => {
    const text = 'apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: {{ .Values.spec }}\n';
    expect(places(text)).toEqual(['1 v1 Pod - a']);
    expect(skips(text)).toEqual(['1 template']);
  });

  it('is bounded where aliases multiply', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const inner = level === 0 ? '[x, x]' : `[${`*a${level - 1}, `.repeat(8)}*a${level - 1}]`;
      return `a${level}: &a${level} ${inner}\n`;
    });
    const fine = '---\napiVersion: v1\nkind: Pod\n';
    expect(skips(levels.join('') + fine)).toEqual(['1 aliases']);
    expect(places(levels.join('') + fine)).toEqual(['14 v1 Pod - -']);
  });

  it('is bounded where indentation has no end', () => {
    const deep = Array.from({ length: 3_000 }, (_, depth) => `${' '.repeat(depth)}a:\n`);
    expect(skips(deep.join(''))).toEqual(['1 too-deep (file)']);
    expect(skips('- '.repeat(20_000))).toEqual([expect.stringMatching(/^1 /)]);
  });
});
