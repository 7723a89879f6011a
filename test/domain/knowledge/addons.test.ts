import type { AddonReleases } from '../../../domain/knowledge/addons';
import {
  addonOf,
  addonVersion,
  compareToSeries,
  parseImage,
  releasesOf,
} from '../../../domain/knowledge/addons';
import { shippedAddons } from '../../../domain/knowledge/shipped-addons';
import type { KubeMinor } from '../../../domain/versions';

it.each([
  ['calico/node:v3.26.1', { path: 'calico/node', tag: 'v3.26.1' }],
  ['registry.local:5000/calico/node', { path: 'registry.local:5000/calico/node' }],
  ['registry.local:5000/a/b:v1@sha256:ab', { path: 'registry.local:5000/a/b', tag: 'v1' }],
  ['nginx@sha256:ab', { path: 'nginx' }],
  ['', { path: '' }],
])('of image %s the name is told from registry, tag and digest', (image, name) => {
  expect(parseImage(image)).toEqual(name);
});

it.each([
  ['registry.k8s.io/ingress-nginx/controller:v1.9.4', 'ingress-nginx'],
  ['mirror.local:5000/team/calico/node:v3.26.1', 'calico'],
  ['registry.k8s.io/kube-proxy:v1.28.15', 'kube-proxy'],
  ['registry.k8s.io/coredns/coredns:v1.11.1', 'coredns'],
  ['602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/coredns:v1.10.1-eksbuild.2', 'coredns'],
  ['quay.io/jetstack/cert-manager-controller:v1.14.5', 'cert-manager'],
  ['docker.io/istio/pilot:1.20.3-distroless', 'istio'],
  ['cr.l5d.io/linkerd/controller:stable-2.14.10', 'linkerd'],
  ['public.ecr.aws/karpenter/controller:1.0.5@sha256:ab', 'karpenter'],
  ['registry.k8s.io/sig-storage/nfsplugin:v4.11.0', 'nfs-csi'],
  ['docker.io/library/traefik:v3.1', 'traefik'],
  // Ends alike, and is another.
  ['example.com/my-kube-proxy:v1.28.15', undefined],
  ['example.com/not-calico/nodes:v1', undefined],
])('image %s is of %s', (image, addon) => {
  expect(addonOf(image, shippedAddons)?.addon).toBe(addon);
});

it.each([
  ['v1.28.15-eksbuild.1', '1.28.15'],
  ['1.20', '1.20'],
  ['stable-2.14.10', '2.14.10'],
  ['release-3.1.0', '3.1.0'],
  ['edge-24.5.1', undefined],
  ['latest', undefined],
  ['3', undefined],
  ['123456.1.1', undefined],
  ['', undefined],
])('tag %s is of version %s', (tag, version) => {
  expect(addonVersion(tag)).toBe(version);
});

it.each([
  ['1.14.3', '1.14', 0],
  ['1.9.0', '1.10', -1],
  ['1.10', '1.9', 1],
  ['1.9', '1.9.6', -6],
  ['2.0.0', '1.14', 1],
])('%s to series %s is %d', (version, series, order) => {
  expect(compareToSeries(version, series)).toBe(order);
});

describe('releases', () => {
  const from = '1.20' as KubeMinor;
  const one = (first: string, last?: string): AddonReleases => ({
    first,
    ...(last === undefined ? {} : { last }),
    from,
    source: 'a',
  });
  const releases = [one('1.0', '1.4'), one('1.6')];

  it.each([
    ['0.9.0', undefined],
    ['1.4.9', '1.0'],
    ['1.5.0', undefined],
    ['7.0.0', '1.6'],
  ])('know of %s what is said of those from %s', (version, first) => {
    expect(releasesOf({ releases }, version)?.first).toBe(first);
  });
});
