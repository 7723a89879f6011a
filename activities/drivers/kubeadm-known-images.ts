// Which images a release of kubeadm names, where its kubeadm is not on the machine before the hop:
// packages come with it, programs of an image of the system as well.
// I1. Only what is known for certain: tags that a patch may have changed are known of the releases
//     whose sources were read, and of no other. kubeadm pulls those itself, in the hop.
// I2. Repositories and tags that the cluster's own configuration names count first, as kubeadm's
//     images.go has it. Empty texts there stand for nothing.

import { parse } from 'yaml';
import * as z from 'zod';

import type { ImagesEntry } from '../../domain/knowledge/knowledge';
import { fileOf } from '../../domain/knowledge/lookups';
import { shippedKnowledge } from '../../domain/knowledge/shipped';
import { type KubeVersion, minorOf } from '../../domain/versions';
import { PortError } from '../ports';

type AddonTags = Omit<ImagesEntry, 'of' | 'source'>;

/** Of releases beside those of the catalogue: kubeadm's constants/constants.go of each. */
const otherReleases: Readonly<Record<string, AddonTags>> = {
  '1.31.14': { etcd: '3.5.24-0', coredns: 'v1.11.3', pause: '3.10' },
  '1.32.13': { etcd: '3.5.24-0', coredns: 'v1.11.3', pause: '3.10' },
  '1.34.8': { etcd: '3.6.5-0', coredns: 'v1.12.1', pause: '3.10.1' },
  '1.35.0': { etcd: '3.6.6-0', coredns: 'v1.13.1', pause: '3.10.1' },
  '1.36.1': { etcd: '3.6.8-0', coredns: 'v1.14.2', pause: '3.10.2' },
};

/** (I1) */
function addonTagsOf(release: KubeVersion): AddonTags | undefined {
  const images = fileOf(shippedKnowledge, minorOf(release))?.images;
  return images?.of === release ? images : otherReleases[release];
}

const defaultRepository = 'registry.k8s.io';

const text = z
  .string()
  .nullish()
  .transform((value) => value || undefined);
const ofImage = z.object({ imageRepository: text, imageTag: text });
const addon = ofImage.extend({ disabled: z.boolean().nullish() }).nullish();

/** What of a ClusterConfiguration says which images there are, v1beta3 and v1beta4. */
const configurationSchema = z.object({
  imageRepository: text,
  dns: addon,
  proxy: addon,
  etcd: z.object({ local: ofImage.nullish(), external: z.looseObject({}).nullish() }).nullish(),
});

type Configuration = z.infer<typeof configurationSchema>;

export interface NamedImages {
  readonly images: readonly string[];
  /** Names of those whose tags are not known (I1). */
  readonly unknown: readonly string[];
}

/** `source`: of ConfigMap kubeadm-config. Throws PortError `unexpected` for anything else. */
export function imagesOfRelease(to: KubeVersion, source: string): NamedImages {
  const configuration = configurationIn(source);
  const repository = configuration.imageRepository ?? defaultRepository;
  const proxy = configuration.proxy?.disabled === true ? [] : ['kube-proxy'];
  const kubernetes = [...components, ...proxy];
  const addons = addonsOf(configuration, addonTagsOf(to));
  return {
    images: [
      ...kubernetes.map((name) => `${repository}/${name}:v${to}`),
      ...addons.flatMap(({ name, at, tag }) => (tag === undefined ? [] : [`${at}/${name}:${tag}`])),
    ],
    unknown: addons.flatMap(({ name, tag }) => (tag === undefined ? [name] : [])),
  };
}

const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

interface Addon {
  readonly name: string;
  readonly at: string;
  readonly tag: string | undefined;
}

function addonsOf(configuration: Configuration, tags: AddonTags | undefined): readonly Addon[] {
  const { imageRepository = defaultRepository } = configuration;
  return [
    ...dnsOf(configuration, tags?.coredns),
    { name: 'pause', at: imageRepository, tag: tags?.pause },
    ...etcdOf(configuration, tags?.etcd),
  ];
}

function dnsOf(configuration: Configuration, tag: string | undefined): readonly Addon[] {
  const { dns } = configuration;
  if (dns?.disabled === true) return [];
  return [{ name: 'coredns', at: dnsRepository(configuration), tag: dns?.imageTag ?? tag }];
}

function etcdOf(configuration: Configuration, known: string | undefined): readonly Addon[] {
  const { etcd } = configuration;
  if (etcd?.external !== undefined && etcd.external !== null) return [];
  const tag = etcd?.local?.imageTag ?? known;
  return [{ name: 'etcd', at: etcdRepository(configuration), tag }];
}

/** (I2) Where kubeadm asks for etcd. */
export function etcdRepositoryIn(source: string): string {
  return etcdRepository(configurationIn(source));
}

function configurationIn(source: string): Configuration {
  let value: unknown;
  try {
    value = parse(source);
  } catch {
    value = undefined;
  }
  const read = configurationSchema.safeParse(value);
  if (read.success) return read.data;
  const message = 'ConfigMap kubeadm-config of the cluster holds no ClusterConfiguration';
  throw new PortError('unexpected', message);
}

function etcdRepository({ etcd, imageRepository }: Configuration): string {
  return etcd?.local?.imageRepository ?? imageRepository ?? defaultRepository;
}

/** The project's own registry keeps CoreDNS one level deeper. */
function dnsRepository({ dns, imageRepository }: Configuration): string {
  const at = dns?.imageRepository ?? imageRepository ?? defaultRepository;
  return at === defaultRepository ? `${at}/coredns` : at;
}
