// What ships in knowledge/addons/: that it is valid and whole, what the code has of it, and that
// what is wrong in such files is told.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { readKnowledgeFolder } from '../../../activities/adapters/knowledge-folder';
import { addonJsonSchema } from '../../../activities/knowledge/addon-schema';
import { readAddons } from '../../../activities/knowledge/read-addons';
import { compareToSeries } from '../../../domain/knowledge/addons';
import { shippedAddons } from '../../../domain/knowledge/shipped-addons';
import { compareMinors } from '../../../domain/versions';

const root = resolve(__dirname, '../../..');

describe('knowledge/addons/', () => {
  it('is valid, with nothing double, and the code has it as it is (tools/knowledge)', async () => {
    const texts = await readKnowledgeFolder(join(root, 'knowledge/addons'));
    expect(readAddons(texts)).toEqual({ kind: 'read', files: shippedAddons });
    const names = texts.map(({ name }) => name.replace(/^.*\/|\.yaml$/g, ''));
    expect(shippedAddons.map(({ addon }) => addon)).toEqual(names);
  });

  it('has the add-ons that clusters have', () => {
    expect(shippedAddons.map(({ title }) => title).join(', ')).toBe(
      'Argo CD, Azure disk CSI driver, Azure file CSI driver, Calico, Ceph CSI driver,' +
        ' cert-manager, Cilium, cluster-autoscaler, CoreDNS, EBS CSI driver, Flannel, Flux,' +
        ' GCE PD CSI driver, ingress-nginx, Istio, Karpenter, kube-proxy, Linkerd, Longhorn,' +
        ' metrics-server, NFS CSI driver, Prometheus operator, Traefik, vSphere CSI driver',
    );
  });

  it('goes from older to newer releases, and from older to newer minors', () => {
    const wrong = shippedAddons.flatMap((one) =>
      'releases' in one
        ? one.releases
            .filter(
              ({ first, last = first, from, to = from }, index, all) =>
                compareToSeries(`${last}.99999`, first) < 0 ||
                compareMinors(to, from) < 0 ||
                compareToSeries(first, all[index - 1]?.first ?? '0.0') <= 0,
            )
            .map(({ first }) => `${one.addon} ${first}`)
        : [],
    );
    expect(wrong).toEqual([]);
  });

  it('ships with the JSON Schema of the code', () => {
    const shipped: unknown = JSON.parse(readFileSync(join(root, 'docs/addon.schema.json'), 'utf8'));
    expect(shipped).toEqual(addonJsonSchema());
  });
});

const head = 'schema: ascent.addon/v1\naddon: net\ntitle: Net\nimages: [net]\n';
const sources = "sources: { a: { url: 'https://a.io', date: '2026-08-22' } }\n";
const unknown = 'unknown: { why: silent, source: a }\n';
const releases = "statement: tests\nreleases: [{ first: '1.0', from: '1.28', source: a }]\n";
const follows = 'statement: requires\nfollows: { behind: 3, source: a }\n';

function problemsOf(...texts: readonly string[]): readonly string[] {
  const read = readAddons(texts.map((text, index) => ({ name: `${index + 1}.yaml`, text })));
  return read.kind === 'invalid' ? read.problems : [];
}

describe('a file of an add-on', () => {
  it.each([releases, follows, unknown])('that says %s is read', (rest) => {
    expect(problemsOf(head + sources + rest)).toEqual([]);
  });

  it.each([
    ['no YAML', ['a: ['], /^1\.yaml:1: not YAML: /],
    ['nothing', [''], /expected/],
    ['nothing of what it knows', [head + sources], /statement/],
    ['a series as a number', [head + sources + releases.replace("'1.0'", '1.10')], /quoted rel/],
    ['a minor as a number', [head + sources + releases.replace("'1.28'", '1.28')], /quoted minor/],
    [
      'an image with a tag',
      [head.replace('[net]', "['net:v1']") + sources + unknown],
      /name of an/,
    ],
    [
      'a source without a day',
      [head + unknown + "sources: { a: { url: 'https://a.io' } }"],
      /date/,
    ],
    ['a source that is nowhere', [`${head}sources: {}\n${unknown}`], /^net: source a is not in/],
    [
      'a source nobody names',
      [
        head +
          sources.replace('} }', "}, b: { url: 'https://b.io', date: '2026-08-22' } }") +
          unknown,
      ],
      /^net: sources\.b: nothing names it/,
    ],
    ['the same twice', [head + sources + unknown, head + sources + follows], /^net is there twice/],
    ['both', [head + sources + unknown + releases], /unknown key/],
  ])('that says %s is refused', (_, texts, problem) => {
    expect(problemsOf(...texts)).toContainEqual(expect.stringMatching(problem));
  });
});
