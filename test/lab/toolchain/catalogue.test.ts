import { readFileSync } from 'node:fs';
import path from 'node:path';

import { catalogue, testServer } from '../../../lab/toolchain/catalogue';
import type { Release } from '../../../lab/toolchain/catalogue';
import { fillIn } from '../../../lab/toolchain/platform';

const root = path.resolve(__dirname, '..', '..', '..');
const releases = catalogue.map((release) => [release.id, release] as const);
const foreign = releases.filter(([, release]) => release.isOurs !== true);
const tools = catalogue.flatMap((release) => release.tools);

function modFile(release: Release): string {
  return readFileSync(path.join(root, 'tools/toolchain/go', release.id, 'go.mod'), 'utf8');
}

/** The module that holds a package: the longest required one that is a prefix of it. */
function requiredVersion(mod: string, goPackage: string): string | undefined {
  const required = [...mod.matchAll(/^(?:require)?\s*(\S+) v(\S+?)(?:\s*\/\/.*)?$/gm)];
  const holders = required.filter(([, module = '']) => `${goPackage}/`.startsWith(`${module}/`));
  return holders.toSorted((a, b) => (a[1]?.length ?? 0) - (b[1]?.length ?? 0)).at(-1)?.[2];
}

it('holds six minors of Kubernetes in a row, and each program once', () => {
  expect(catalogue.map(({ id, version }) => `${id} ${version}`)).toEqual([
    'etcd 3.5.21',
    'temporal 1.5.1',
    'kwok 0.7.0',
    'kubernetes-1.28 1.28.15',
    'kubernetes-1.29 1.29.15',
    'kubernetes-1.30 1.30.14',
    'versitygw 1.8.0',
    'etcd-3.5.15 3.5.15',
    'etcd-3.5.16 3.5.16',
    'coredns-1.10.1 1.10.1',
    'coredns-1.11.1 1.11.1',
    'coredns-1.11.3 1.11.3',
    'machine 1.7.0',
    'etcd-3.5 3.5.35',
    'etcd-3.6 3.6.16',
    'kubernetes-1.31 1.31.4',
    'kubernetes-1.32 1.32.5',
    'kubernetes-1.33 1.33.13',
  ]);
  const variables = tools.map(({ environmentVariable }) => environmentVariable);
  expect(new Set(variables).size).toBe(variables.length);
  expect(variables).toContain('ASCENT_BIN_KUBE_CONTROLLER_MANAGER_1_29');
});

it.each(foreign)('%s is pinned by its Go module in the same version', (_, release) => {
  const mod = modFile(release);
  const pinned = release.tools.map(({ goPackage, mainFor = goPackage }) =>
    requiredVersion(mod, mainFor),
  );
  expect(pinned).toEqual(release.tools.map(() => release.version));
});

it('requires nothing for the programs that are ours', () => {
  const ours = releases.filter(([, release]) => release.isOurs);
  expect(ours.map(([id, release]) => [id, modFile(release)])).toEqual([
    ['machine', 'module ascent/toolchain/machine\n\ngo 1.21\n'],
  ]);
});

it.each(
  foreign.filter(
    ([
      ,
      {
        tools: [tool],
      },
    ]) => tool?.mainFor === undefined,
  ),
)('%s names every program in its tools.go, so that go.sum covers it', (_, release) => {
  const file = path.join(root, 'tools/toolchain/go', release.id, 'tools.go');
  const imported = [...readFileSync(file, 'utf8').matchAll(/_ "(.+)"/g)].map((match) => match[1]);
  expect(new Set(imported)).toEqual(new Set(release.tools.map(({ goPackage }) => goPackage)));
});

it.each(['28', '29', '30', '31', '32', '33'])(
  'Kubernetes 1.%s replaces staging modules of the same patch',
  (minor) => {
    const release = catalogue.find(({ id }) => id === `kubernetes-1.${minor}`);
    const patch = release?.version.split('.')[2];
    const replaced = modFile(release as Release).matchAll(/(k8s\.io\/\S+) => (\S+) v(\S+)/g);
    const versions = new Set(
      [...replaced].map(([, from, to, version]) => [from === to, version]).map(String),
    );
    expect([...versions]).toEqual([`true,0.${minor}.${patch}`]);
  },
);

it('asks for official files at addresses that exist for both architectures', () => {
  const addresses = tools.flatMap(({ name, download }) => {
    if (download === undefined) return [];
    const fill = (text: string): string => fillIn(text, '1.2.3', 'arm64');
    return [[name, fill(download.url), fill(download.checksumUrl), fill(download.member ?? '')]];
  });
  const github = 'https://github.com';
  const etcd = `${github}/etcd-io/etcd/releases/download/v1.2.3`;
  const cli = `${github}/temporalio/cli/releases/download/v1.2.3`;
  const kube = 'https://dl.k8s.io/release/v1.2.3/bin/linux/arm64';
  expect(addresses.slice(0, 5)).toEqual([
    ...['etcd', 'etcdutl', 'etcdctl'].map((name) => [
      name,
      `${etcd}/etcd-v1.2.3-linux-arm64.tar.gz`,
      `${etcd}/SHA256SUMS`,
      `etcd-v1.2.3-linux-arm64/${name}`,
    ]),
    [
      'temporal',
      `${cli}/temporal_cli_1.2.3_linux_arm64.tar.gz`,
      `${cli}/checksums.txt`,
      'temporal',
    ],
    ['kube-apiserver', `${kube}/kube-apiserver`, `${kube}/kube-apiserver.sha256`, ''],
  ]);
  expect(addresses.flat().filter((text) => /[{}]/.test(text))).toEqual([]);
});

it.each([
  ['etcd', 'etcd Version: 3.5.21\nGit SHA: a17edfd59\nGo Version: go1.23.7\n', '3.5.21'],
  ['etcdutl', 'etcdutl version: 3.5.21\nAPI version: 3.5\n', '3.5.21'],
  ['etcdctl', 'etcdctl version: 3.5.21\nAPI version: 3.5\n', '3.5.21'],
  ['temporal', 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)\n', '1.5.1'],
  ['kwok', 'kwok version v0.7.0 go1.24.2 (linux/amd64)\n', '0.7.0'],
  ['versitygw', 'Version  : 1.8.0\nBuild    : norev\nBuildTime: none\n', '1.8.0'],
  ['kube-scheduler', 'Kubernetes v1.28.15\n', '1.28.15'],
  ['kubeadm', 'v1.29.15\n', '1.29.15'],
  ['coredns', 'CoreDNS-1.10.1\nlinux/amd64, go1.26.8, \n', '1.10.1'],
  ['machine-gate', 'machine-gate 1.0.0\n', '1.0.0'],
  ['kubectl', 'Client Version: v1.30.14\nKustomize Version: v5.0.4-0.2023\n', '1.30.14'],
  ['kube-apiserver', 'Kubernetes v1.29.15-gke.100\n', '1.29.15-gke.100'],
])('the version of %s is read from what it prints', (name, output, version) => {
  const tool = tools.find((candidate) => candidate.name === name);
  expect(tool?.versionPattern.exec(output)?.[1]).toBe(version);
});

it('names the test server of the SDK in use, and the artifact that the pom pins', () => {
  const manifest = readFileSync(path.join(root, 'package.json'), 'utf8');
  const pom = readFileSync(path.join(root, 'tools/toolchain/maven/pom.xml'), 'utf8');
  expect(/"@temporalio\/testing": "(.+)"/.exec(manifest)?.[1]).toBe(testServer.sdkVersion);
  const artifact = /<artifactId>temporal-test-server<\/artifactId>\s*<version>([\d.]+)</g;
  expect([...pom.matchAll(artifact)].map((match) => match[1])).toContain(testServer.version);
});
