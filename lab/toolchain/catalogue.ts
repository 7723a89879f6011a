// The one table of what the lab runs: which programs, in which versions, from where.
// It only states facts; resolve.ts acts on them.
// C1. Every program of a release has one version, and one Go module in tools/toolchain/go/<id>
//     pins it: the version here and the one in its go.mod are the same (a test compares them).
// C2. A program without a published checksum has no `download`: it is built instead.

/** Where the official executable is. `{version}` and `{arch}` (amd64, arm64) are filled in. */
export interface ReleaseDownload {
  readonly url: string;
  /** A bare SHA-256, or a list of `<sha256>  <file name>` lines. */
  readonly checksumUrl: string;
  /** Path inside the .tar.gz; absent where `url` is the executable itself. */
  readonly member?: string;
}

export interface Tool {
  readonly name: string;
  /** Names an executable to use instead of everything else. */
  readonly environmentVariable: string;
  /**
   * What an executable named by the variable must be: of the release's minor (a lab of 1.28 that
   * runs 1.29 would be a lie), or whatever its owner likes. On PATH only the exact version counts.
   */
  readonly variableAccepts: 'same-minor' | 'any-version';
  /** Installed only when asked for by name. */
  readonly onDemand: boolean;
  readonly versionArguments: readonly string[];
  /** Its first group is the version, without a `v`, in what the executable prints. */
  readonly versionPattern: RegExp;
  readonly goPackage: string;
  /** The package whose module has the version, where `goPackage` is a main of this project's. */
  readonly mainFor?: string;
  readonly download?: ReleaseDownload;
}

export interface Release {
  /** The folder of its Go module, and its name in locks and messages. */
  readonly id: string;
  /** `1.28.15`, without a `v`. */
  readonly version: string;
  /** Of a first build on two cores, modules included, measured and rounded up. */
  readonly buildMinutes: number;
  /** For `go build -ldflags`, beside `-s -w`: without them a program does not know its version. */
  readonly linkerFlags: readonly string[];
  /** Its programs are this project's own: their module requires no other. */
  readonly isOurs?: true;
  readonly tools: readonly Tool[];
}

/** What every lab has, oldest first. */
export const usualKubernetes = ['1.28.15', '1.29.15', '1.30.14'] as const;

/**
 * For labs that need them: from 1.32 on, programs can serve as the minor before. The newest patches
 * of which the Go proxy has every module.
 */
export const laterKubernetes = ['1.31.4', '1.32.5', '1.33.13'] as const;

/** Oldest first. */
export const kubernetesVersions = [...usualKubernetes, ...laterKubernetes] as const;

/** The release that a whole version or a minor means; undefined when there is none. */
export function kubernetesRelease(asked: string): string | undefined {
  return kubernetesVersions.findLast(
    (version) => version === asked || version.startsWith(`${asked}.`),
  );
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** How those are asked that do not answer `--version` with `Kubernetes v1.28.15`. */
const askedOtherwise: Readonly<Record<string, Pick<Tool, 'versionArguments' | 'versionPattern'>>> =
  {
    kubectl: {
      versionArguments: ['version', '--client'],
      versionPattern: /^Client Version: v(\S+)$/m,
    },
    kubeadm: { versionArguments: ['version', '-o', 'short'], versionPattern: /^v(\S+)$/m },
  };

function kubernetesTool(name: string, version: string, onDemand: boolean): Tool {
  const minor = minorOf(version).replace('.', '_');
  const url = `https://dl.k8s.io/release/v{version}/bin/linux/{arch}/${name}`;
  return {
    name,
    environmentVariable: `ASCENT_BIN_${name.toUpperCase().replaceAll('-', '_')}_${minor}`,
    variableAccepts: 'same-minor',
    onDemand,
    versionArguments: ['--version'],
    versionPattern: /^Kubernetes v(\S+)$/m,
    ...askedOtherwise[name],
    goPackage: `k8s.io/kubernetes/cmd/${name}`,
    download: { url, checksumUrl: `${url}.sha256` },
  };
}

/** What a machine runs beside them; only labs of real machines do. */
const machineTools = ['kubeadm', 'kubelet', 'kube-proxy'] as const;

function kubernetes(version: string, onDemand: boolean, onMachines = !onDemand): Release {
  const [major = '', minor = ''] = version.split('.');
  return {
    id: `kubernetes-${major}.${minor}`,
    version,
    buildMinutes: 4,
    linkerFlags: ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((at) => [
      `-X ${at}.gitVersion=v${version}`,
      `-X ${at}.gitMajor=${major}`,
      `-X ${at}.gitMinor=${minor}`,
    ]),
    tools: [
      kubernetesTool('kube-apiserver', version, onDemand),
      kubernetesTool('kube-controller-manager', version, onDemand),
      kubernetesTool('kube-scheduler', version, onDemand),
      kubernetesTool('kubectl', version, true),
      ...(onMachines ? machineTools.map((name) => kubernetesTool(name, version, true)) : []),
    ],
  };
}

const etcdFiles = 'https://github.com/etcd-io/etcd/releases/download/v{version}';

type EtcdVariable = Pick<Tool, 'environmentVariable' | 'variableAccepts'>;

function etcdTool(name: string, onDemand: boolean, variable: EtcdVariable): Tool {
  const folder = name === 'etcd' ? 'server' : name;
  return {
    name,
    ...variable,
    onDemand,
    versionArguments: [name === 'etcd' ? '--version' : 'version'],
    versionPattern: name === 'etcd' ? /^etcd Version: (\S+)$/m : /^\w+ version: (\S+)$/m,
    download: {
      url: `${etcdFiles}/etcd-v{version}-linux-{arch}.tar.gz`,
      checksumUrl: `${etcdFiles}/SHA256SUMS`,
      member: `etcd-v{version}-linux-{arch}/${name}`,
    },
    goPackage: `go.etcd.io/etcd/${folder}/v3`,
  };
}

/** What labs begin with unless they are told otherwise. */
const firstEtcd = '3.5.21';

/**
 * Oldest first. From 3.5.26 on a cluster may go to 3.6 (etcd-change.ts in domain/plan); those
 * after the first are there for labs whose etcd changes.
 */
export const etcdVersions = [firstEtcd, '3.5.35', '3.6.16'] as const;

const etcdPrograms = ['etcd', 'etcdutl', 'etcdctl'] as const;

const etcd: Release = {
  id: 'etcd',
  version: firstEtcd,
  buildMinutes: 1,
  linkerFlags: [],
  tools: etcdPrograms.map((name) =>
    etcdTool(name, name === 'etcdctl', {
      environmentVariable: `ASCENT_BIN_${name.toUpperCase()}`,
      variableAccepts: 'any-version',
    }),
  ),
};

/** Another etcd beside the usual one; `key` tells it apart, in its id and its variables. */
function furtherEtcd(version: string, key: string): Release {
  return {
    id: `etcd-${key}`,
    version,
    buildMinutes: 1,
    linkerFlags: [],
    tools: etcdPrograms.map((name) =>
      etcdTool(name, true, {
        environmentVariable: `ASCENT_BIN_${name.toUpperCase()}_${key.replaceAll('.', '_')}`,
        variableAccepts: 'same-minor',
      }),
    ),
  };
}

const kwok: Release = {
  id: 'kwok',
  version: '0.7.0',
  buildMinutes: 1,
  linkerFlags: ['-X sigs.k8s.io/kwok/pkg/consts.Version=v0.7.0'],
  tools: [
    {
      // Its releases come without checksums (hack/releases.sh uploads the bare executables), C2.
      name: 'kwok',
      environmentVariable: 'ASCENT_BIN_KWOK',
      variableAccepts: 'any-version',
      onDemand: false,
      versionArguments: ['--version'],
      versionPattern: /^kwok version v(\S+)/m,
      goPackage: 'sigs.k8s.io/kwok/cmd/kwok',
    },
  ],
};

const temporalFiles = 'https://github.com/temporalio/cli/releases/download/v{version}';

const temporal: Release = {
  id: 'temporal',
  version: '1.5.1',
  buildMinutes: 2,
  linkerFlags: ['-X github.com/temporalio/cli/temporalcli.Version=1.5.1'],
  tools: [
    {
      name: 'temporal',
      environmentVariable: 'ASCENT_BIN_TEMPORAL',
      variableAccepts: 'any-version',
      onDemand: false,
      versionArguments: ['--version'],
      versionPattern: /^temporal version (\S+)/m,
      goPackage: 'github.com/temporalio/cli/cmd/temporal',
      download: {
        url: `${temporalFiles}/temporal_cli_{version}_linux_{arch}.tar.gz`,
        checksumUrl: `${temporalFiles}/checksums.txt`,
        member: 'temporal',
      },
    },
  ],
};

/** An S3 server on a directory: what tests of snapshot stores talk to. */
const versitygw: Release = {
  id: 'versitygw',
  version: '1.8.0',
  buildMinutes: 2,
  linkerFlags: ['-X main.Version=1.8.0'],
  tools: [
    {
      name: 'versitygw',
      environmentVariable: 'ASCENT_BIN_VERSITYGW',
      variableAccepts: 'any-version',
      onDemand: true,
      versionArguments: ['--version'],
      versionPattern: /^Version\s+: (\S+)$/m,
      goPackage: 'github.com/versity/versitygw/cmd/versitygw',
    },
  ],
};

/**
 * etcd in the versions that kubeadm installs (DefaultEtcdVersion in its constants.go): 3.5.15 with
 * 1.28.15 and 1.30.14, 3.5.16 with 1.29.15.
 */
export const kubeadmEtcdVersions = ['3.5.15', '3.5.16'] as const;

/** CoreDNS in those of kubeadm (CoreDNSVersion), with the plugins that its Corefile names. */
export const coreDnsVersions = ['1.10.1', '1.11.1', '1.11.3'] as const;

function coreDns(version: string): Release {
  return {
    id: `coredns-${version}`,
    version,
    buildMinutes: 2,
    linkerFlags: [],
    tools: [
      {
        name: 'coredns',
        environmentVariable: `ASCENT_BIN_COREDNS_${version.replaceAll('.', '_')}`,
        variableAccepts: 'same-minor',
        onDemand: true,
        versionArguments: ['-version'],
        versionPattern: /^CoreDNS-(\S+)$/m,
        goPackage: `ascent/toolchain/coredns-${version}/coredns`,
        mainFor: 'github.com/coredns/coredns',
      },
    ],
  };
}

/** What a machine has beside Kubernetes and Debian (tools/toolchain/go/machine). */
export const machineVersion = '1.7.0';

const machine: Release = {
  id: 'machine',
  version: machineVersion,
  buildMinutes: 1,
  linkerFlags: [`-X ascent/toolchain/machine/version.Version=${machineVersion}`],
  isOurs: true,
  tools: ['machine-init', 'machine-gate', 'pause', 'web'].map((name) => ({
    name,
    environmentVariable: `ASCENT_BIN_${name.toUpperCase().replace('-', '_')}`,
    variableAccepts: 'any-version',
    onDemand: true,
    versionArguments: ['-version'],
    versionPattern: /^\S+ (\d\S+)$/m,
    goPackage: `ascent/toolchain/machine/${name}`,
  })),
};

/** In the order in which they are built: what everybody waits for first comes first. */
export const catalogue: readonly Release[] = [
  etcd,
  temporal,
  kwok,
  ...usualKubernetes.map((version) => kubernetes(version, false)),
  versitygw,
  ...kubeadmEtcdVersions.map((version) => furtherEtcd(version, version)),
  ...coreDnsVersions.map(coreDns),
  machine,
  ...etcdVersions
    .filter((version) => version !== firstEtcd)
    .map((version) => furtherEtcd(version, minorOf(version))),
  ...laterKubernetes.map((version) => kubernetes(version, true)),
];

/** Temporal's time-skipping server, for tests only: a Java program, not a Go one. */
export const testServer = {
  name: 'temporal-test-server',
  environmentVariable: 'ASCENT_BIN_TEMPORAL_TEST_SERVER',
  /** The Maven artifact that tools/toolchain/maven/pom.xml pins. */
  version: '1.35.0',
  mainClass: 'io.temporal.testserver.TestServer',
  /** The @temporalio/testing in package.json, whose own download this is (a test compares them). */
  sdkVersion: '1.24.0',
  /** Answers `{archiveUrl, fileToExtract}`: the protocol of sdk-core's ephemeral_server. */
  lookupUrl:
    'https://temporal.download/temporal-test-server/default' +
    '?arch={arch}&platform=linux&sdk-name=sdk-typescript&sdk-version={version}',
} as const;
