// The protocol between the lab driver and the lab's supervisor: JSON over HTTP on a Unix socket.
// The supervisor plays the host: it owns processes, data directories and the kubelet version of
// each simulated machine (which is why that version survives an etcd restore). Every POST answers
// when its work is done, may be repeated, and joins the same work when it is already under way.
// Failures answer 4xx/5xx with LabProblem.

/** `GET /v1/status`. */
export interface LabStatus {
  readonly cluster: string;
  readonly members: readonly {
    readonly name: string;
    readonly apiServer: LabComponent;
    readonly controllers: LabComponent;
    readonly etcd: { readonly version: string; readonly running: boolean };
  }[];
  readonly nodes: readonly { readonly name: string; readonly kubelet: string }[];
  /** Kubernetes releases whose binaries are installed. */
  readonly versions: readonly string[];
  /** The same of etcd. */
  readonly etcdVersions: readonly string[];
}

export interface LabComponent {
  readonly version: string;
  /** `1.31`: the minor that it serves as; absent: its own. */
  readonly emulates?: string | undefined;
  readonly running: boolean;
}

/**
 * `POST /v1/members/NAME/api-server`, `POST /v1/members/NAME/controllers`,
 * `POST /v1/members/NAME/etcd`, `POST /v1/nodes/NAME/kubelet`.
 * What waits for a member to become ready in another version is given up (`start-failed`).
 */
export interface LabVersionRequest {
  readonly version: string;
  /**
   * `1.31`: the minor to serve as, from releases of 1.32 on (`--emulated-version`); absent: its
   * own. Only of API servers and controllers.
   */
  readonly emulates?: string | undefined;
}

/** `POST /v1/members/NAME/etcd-repair`: nothing to say. */

/**
 * `POST /v1/restore`, answered with LabRestoreResult. Progress lines of the running restore:
 * `GET /v1/restore/ID`.
 */
export interface LabRestoreRequest {
  readonly restoreId: string;
  readonly snapshotFile: string;
  readonly snapshotRevision: number;
  readonly version: string;
  /** Absent: etcd stays what it is. */
  readonly etcdVersion?: string | undefined;
}

export interface LabRestoreResult {
  /** Etcd members that it went on without, and why; they need a repair. */
  readonly lost: readonly { readonly member: string; readonly problem: string }[];
}

export interface LabRestoreStatus {
  readonly restoreId: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly phase: string;
}

/** `GET /v1/needs`: what a restore needs beside etcd. */
export interface LabNeeds {
  readonly items: readonly {
    readonly kind: 'pki' | 'flags';
    readonly name: string;
    readonly member?: string | undefined;
    readonly base64: string;
  }[];
}

export interface LabProblem {
  readonly code:
    | 'request-malformed'
    | 'not-found'
    | 'unknown-version'
    | 'start-failed'
    | 'stop-failed'
    | 'restore-failed';
  readonly message: string;
}
