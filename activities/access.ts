// How a worker (or the CLI, for observe, plan and preflight) reaches one cluster. Files and
// addresses only: credentials stay in the files that are named here (R9).

import type { CommandedChange } from '../domain/observation';
import type { KubeVersion } from '../domain/versions';

/** The supervisor of a lab does. */
interface LabDriverAccess {
  readonly kind: 'lab';
  readonly socket: string;
}

/** Nothing does: the cluster can be looked at, and its nodes drained; it cannot be upgraded. */
export interface NoDriverAccess {
  readonly kind: 'none';
  /** What a driver could install; the releases that Ascent knows when absent. */
  readonly releases?: readonly KubeVersion[];
}

/** What there may be a command for; the last two only tell. */
export type CommandStep = CommandedChange | 'restoreNeeds' | 'versions';

export interface CommandAccess {
  /** Run as it is, by no shell. The first is a path, or a name that is looked up on PATH. */
  readonly argv: readonly [string, ...string[]];
  readonly timeoutMs: number;
}

/** Programs of the user's own do (docs/command-driver.md). */
export interface CommandDriverAccess {
  readonly kind: 'command';
  /** Where they run: the folder of the access file. */
  readonly directory: string;
  readonly commands: Readonly<Partial<Record<CommandStep, CommandAccess>>>;
  /** Names of variables that they get of the worker's environment, besides PATH and HOME. */
  readonly environment: readonly string[];
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /** Instead of a command `versions`; absent: those that Ascent knows. */
  readonly releases?: readonly KubeVersion[];
  readonly etcdReleases?: readonly KubeVersion[];
}

/** How machines are reached. Host keys are always looked up; secrets stay in files and agents. */
export interface SshAccess {
  readonly user: string;
  /** Path of a private key without a passphrase; absent: the agent of SSH_AUTH_SOCK. */
  readonly key?: string;
  readonly knownHosts: string;
  /** A host that leads to all of them; the same key lets in there. */
  readonly jump?: { readonly host: string; readonly port: number; readonly user?: string };
}

export interface MachineAddress {
  readonly host: string;
  readonly port: number;
  /** What it calls itself, where that is not the name of its node. */
  readonly hostname?: string;
}

/** Machines are entered from pods of a namespace, each on the node of one. */
export interface NodeJobsAccess {
  readonly namespace: string;
  /** It has a program `nsenter`. */
  readonly image: string;
  /** Path, of who makes them; absent: the one that everything else is asked with. */
  readonly kubeconfig?: string;
}

interface KubeadmAccess {
  readonly kind: 'kubeadm';
  readonly packages: KubeadmPackages;
  /** Whether machines pull images before a hop changes anything; absent: they do. */
  readonly pullImages?: boolean;
}

export interface KubeadmSshAccess extends KubeadmAccess {
  readonly ssh: SshAccess;
  /** By the names of their nodes. */
  readonly machines: Readonly<Record<string, MachineAddress>>;
  /** Where etcd runs outside of kubeadm; absent: as static pods beside the control plane. */
  readonly etcd?: EtcdUnitsAccess;
}

/** Members of etcd that are a service unit of their machines each. */
export interface EtcdUnitsAccess {
  /** Name of the unit, without `.service`. */
  readonly unit: string;
  /** By the names of members; a member that is not here is on the machine of the node so named. */
  readonly machines: Readonly<Record<string, MachineAddress>>;
  /** Files on these machines, for asking etcd; absent: those that its members serve with. */
  readonly client?: { readonly ca: string; readonly certificate: string; readonly key: string };
}

export interface KubeadmJobsAccess extends KubeadmAccess {
  readonly jobs: NodeJobsAccess;
  /** By the names of their nodes. */
  readonly machines: Readonly<Record<string, Pick<MachineAddress, 'hostname'>>>;
}

/** kubeadm does, on the machines themselves (docs/kubeadm.md). */
export type KubeadmDriverAccess = KubeadmSshAccess | KubeadmJobsAccess;

/** Where kubeadm, kubelet and kubectl of a release come from, on each machine. */
export type KubeadmPackages =
  /** In `<directory>/<version>`. */
  { readonly kind: 'binaries'; readonly directory: string } | ManagedPackages | CommandPackages;

/** As packages of these names. */
export interface ManagedPackages {
  readonly kind: 'apt' | 'dnf' | 'zypper';
  /** File there that names a repository of one minor, `…/v1.29/…`: it is moved to that of a hop. */
  readonly repository?: string;
}

/** Programs of the machines bring them, for systems that are images. Absolute paths there. */
export interface CommandPackages {
  readonly kind: 'command';
  /** Gets the version and names of programs; exit codes as in docs/kubeadm.md. */
  readonly install: string;
  /** Prints versions, a line each. */
  readonly releases: string;
}

/** Where the members of a found control plane listen, on the address of each machine. */
export interface MemberPorts {
  readonly apiServer: number;
  readonly controllerManager: number;
  readonly scheduler: number;
  readonly etcd: number;
}

/** Controllers of Cluster API do, by replacing machines (docs/cluster-api.md). */
export interface ClusterApiDriverAccess {
  readonly kind: 'cluster-api';
  /** Path, of the cluster that manages this one; the current context is used. */
  readonly kubeconfig: string;
  readonly namespace: string;
  /** Name of its Cluster. */
  readonly cluster: string;
  /**
   * Members are the Machines of its control plane, found when they are asked, and replaced; the
   * file names none then. Absent: they are changed by hand.
   */
  readonly members?: MemberPorts;
  /** MachineDeployments by pool; one that is not named serves the pool of its own name. */
  readonly pools: Readonly<Record<string, string>>;
  /** Those that there are machine images of. */
  readonly releases: readonly {
    readonly version: KubeVersion;
    /** Names of infrastructure templates by pool; the template stays where none is named. */
    readonly machineTemplates: Readonly<Record<string, string>>;
    /** The same of the control plane. */
    readonly controlPlaneTemplate?: string;
  }[];
}

type DriverAccess =
  | LabDriverAccess
  | CommandDriverAccess
  | KubeadmDriverAccess
  | ClusterApiDriverAccess
  | NoDriverAccess;

/** A bucket of Amazon S3, or of any server that speaks its protocol. */
export interface S3Access {
  readonly bucket: string;
  /** `clusters/prod/`; absent: the bucket itself. */
  readonly prefix?: string;
  readonly region: string;
  /** Origin; absent: that of Amazon. */
  readonly endpoint?: string;
  /** Whether the bucket stands in the path instead of the host's name. */
  readonly pathStyle?: boolean;
  /** What everything below the prefix may take; absent: no limit. */
  readonly limitBytes?: number;
  /** Path of PEM certificates that vouch for the endpoint, instead of the system's. */
  readonly ca?: string;
  /** Where they are read; absent: as the AWS tools find them (environment, profile, role). */
  readonly credentials?: { readonly file?: string; readonly profile?: string };
}

export interface ClusterAccess<Driver extends DriverAccess = DriverAccess> {
  readonly apiVersion: 'ascent/access/v1';
  readonly cluster: string;
  /** Path; the current context is used. Goes through the load balancer. */
  readonly kubeconfig: string;
  /**
   * Each member by its own addresses, never through the load balancer; none, as of etcd, where
   * the driver finds them.
   */
  readonly members: readonly {
    readonly name: string;
    /** `https://127.0.0.1:6443`. */
    readonly apiServer: string;
    readonly controllerManager: string;
    readonly scheduler: string;
  }[];
  readonly etcd: {
    readonly members: readonly { readonly name: string; readonly endpoint: string }[];
    /** Paths of PEM files. */
    readonly ca: string;
    readonly certificate: string;
    readonly key: string;
  };
  /** Preflights look at Helm's releases. Absent: they do not, and read no Secret. */
  readonly helmReleases?: {
    /** Path, of who may read them; absent: the one that everything else is asked with. */
    readonly kubeconfig?: string;
  };
  /** Folder of the user's own files of add-ons (docs/knowledge.md), laid over what ships. */
  readonly addons?: string;
  /** How machines change version. Further kinds: see docs/concepts.md. */
  readonly driver: Driver;
  readonly snapshots: {
    /** Where they lie; with `s3`, where they are made and verified. */
    readonly directory: string;
    readonly s3?: S3Access;
    /** Path of an age identity file: what is stored is sealed with it. */
    readonly key?: string;
    /** Instead of a key. Without either of them a worker refuses to start. */
    readonly inTheClear?: true;
    /** How many of the newest stay; absent: all. The way back always does. */
    readonly keep?: number;
  };
  /** Executables used to verify snapshots; looked up on PATH when absent. */
  readonly tools: {
    readonly etcd?: string;
    readonly etcdutl?: string;
    /** kube-apiserver by minor: `1.29`. None is looked for when it is absent. */
    readonly apiServers?: Readonly<Record<string, string>>;
  };
}

/** Access to a cluster that can be upgraded. */
type DrivenAccess = ClusterAccess<Exclude<DriverAccess, NoDriverAccess>>;

export function isDriven(access: ClusterAccess): access is DrivenAccess {
  return access.driver.kind !== 'none';
}
