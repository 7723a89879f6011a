// One lab and a worker, in which one random upgrade is run after the other.
// N1. Before each, everything of the one before is gone: workloads, cordons, taints. The kubelets
//     are set back, so that an upgrade of the pools alone is left to do; the control plane only
//     goes up, in the first runs of a lab.
// N2. What is wrong with a run is collected, not thrown: all of it is told, and the next begins.

import { setTimeout as sleep } from 'node:timers/promises';

import type { WorkerProcess } from '../../../bin/demo/worker-process';
import type { Gate } from '../../../domain/status/control';
import type { UpgradeResult } from '../../../domain/status/progress';
import type { KubeVersion } from '../../../domain/versions';
import { compareVersions } from '../../../domain/versions';
import { KubeRest } from '../../../lab/kube-rest';
import { labLayout } from '../../../lab/layout';
import type { OtherAccess } from '../lab-access';
import { LabGround } from '../lab-ground';
import { until } from '../lab-until';
import type { Removal } from './audit-log';
import { removals } from './audit-log';
import type { Judgement } from './budget-judge';
import { BudgetJudge } from './budget-judge';
import { ClusterLog } from './cluster-log';
import { engineAccess, engineUser } from './engine-account';
import type { FaultKind } from './faults';
import { Injector } from './injector';
import type { Situation } from './situation';
import { situationOf } from './situation';
import { nodeProblems, Stage } from './stage';
import { surgeProblems, surgesIn } from './surge-judge';
import { windowProblems } from './window-judge';

/** `cp`: the control plane goes up, too. Its two releases are those of the kubelets and the end. */
export interface RunKind {
  readonly from: string;
  readonly to: string;
  /** Release of the control plane when the run begins. */
  readonly controlPlane: string;
}

export interface RunReport {
  readonly seed: string;
  readonly seconds: number;
  /** `completed`, or what it stood at. */
  readonly end: string;
  /** What was to go wrong; what did; what had no time to, because the upgrade was over. */
  readonly drawn: readonly FaultKind[];
  readonly faults: readonly FaultKind[];
  readonly ahead: readonly FaultKind[];
  readonly evictions: number;
  /** Temporary replicas. */
  readonly surges: number;
  readonly excused: number;
  readonly gaps: number;
  /** Empty when the run was safe. */
  readonly problems: readonly string[];
}

interface Stand {
  readonly result?: UpgradeResult;
  readonly gate?: Gate;
}

interface UpgradeEnd {
  readonly text: string;
  readonly result?: UpgradeResult;
  readonly problems: readonly string[];
}

const nodes = 6;
const zones = 3;
/** Longer than a node may be waited for (five minutes) and then drained. */
const endMs = 600_000;
const cancelMs = 120_000;

export class Lane {
  readonly #ground: LabGround;
  readonly #kube: KubeRest;
  readonly #stage: Stage;
  readonly #access: OtherAccess;
  #worker: WorkerProcess;
  #namespaces: readonly string[] = [];

  private constructor(
    ground: LabGround,
    kube: KubeRest,
    access: OtherAccess,
    worker: WorkerProcess,
  ) {
    this.#ground = ground;
    this.#kube = kube;
    this.#access = access;
    this.#worker = worker;
    this.#stage = new Stage(kube, ground.lab.control);
  }

  static async open(name: string, version: string): Promise<Lane> {
    const ground = await LabGround.open({ name, members: 1, nodes, zones, pods: 0, version });
    try {
      await ground.bringUpLab();
      const { lab, stateDir } = ground;
      const kube = await KubeRest.admin(labLayout(stateDir), lab.apiUrl);
      const access = await engineAccess(ground, kube);
      return new Lane(ground, kube, access, await ground.startWorker(access));
    } catch (error) {
      await ground.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#kube.close();
    await this.#ground.close();
  }

  /** One upgrade from beginning to end; N2. Rejects when the lab cannot be made ready for it. */
  async run(seed: string, kind: RunKind): Promise<RunReport> {
    const { cluster, lab } = this.#ground;
    const scene = { seed, cluster, target: kind.to, nodes: lab.nodes, zones: zoneNames };
    const situation = situationOf(scene);
    await this.#stage.clear(this.#namespaces);
    await this.#stage.reset(lab.nodes, await this.#kubeletFor(kind));
    this.#namespaces = situation.namespaces;
    await this.#stage.putUp(situation);
    const startedMs = performance.now();
    const told = await this.#play(situation, kind);
    return { seed, seconds: Math.round((performance.now() - startedMs) / 1_000), ...told };
  }

  async #play(situation: Situation, kind: RunKind): Promise<Omit<RunReport, 'seed' | 'seconds'>> {
    const { lab } = this.#ground;
    const [member = ''] = lab.members;
    const injector = new Injector({
      faults: situation.faults,
      kube: this.#kube,
      control: lab.control,
      member,
      replaceWorker: () => this.#replaceWorker(),
      pause: (forMs) => this.#pause(forMs),
    });
    const log = await ClusterLog.begin(lab.kubeconfig, (entry) => injector.see(entry));
    try {
      const wrong = new BudgetJudge(() => undefined).judge(log.entries()).disagreements;
      const end = await this.#upgrade(situation, injector);
      await injector.stop();
      await log.settle();
      const judge = new BudgetJudge(injector.explain());
      const judgement = judge.judge(log.entries());
      const removed = await removals(lab, situation.namespaces);
      const evicted = removed.filter(({ user }) => user === engineUser);
      return {
        end: end.text,
        drawn: situation.faults.map(({ action }) => action.kind),
        faults: injector.applied,
        ahead: injector.ahead,
        evictions: evicted.filter(({ isSure }) => isSure).length,
        surges: surgesIn(log.entries()),
        excused: judgement.excused.length,
        gaps: log.gaps,
        problems: [
          ...wrong.map((what) => `the judge reckons otherwise than the controller: ${what}`),
          ...end.problems,
          ...injector.problems,
          ...judgementProblems(judgement),
          ...windowProblems(log.entries(), situation.spec.pools),
          ...surgeProblems(log.entries(), situation),
          ...removalProblems(evicted, judgement),
          ...nodeProblems(
            await this.#stage.nodes(),
            end.result?.outcome === 'completed' ? kind.to : undefined,
            leftOut(end.result),
          ),
        ],
      };
    } finally {
      await injector.stop();
      log.stop();
    }
  }

  /** Until it has ended: by itself, or cancelled at a gate. */
  async #upgrade({ spec, answer }: Situation, injector: Injector): Promise<UpgradeEnd> {
    const { client, cluster } = this.#ground;
    const started = await client.start(spec, { actor: 'ada' });
    if (started.kind !== 'started') {
      return { text: started.kind, problems: [`not started: ${JSON.stringify(started)}`] };
    }
    const first = await this.#stand();
    if (answer === 'cancel' || first.gate?.kind !== 'node') return this.#endOf(first);
    await injector.heal();
    const { node } = first.gate;
    await client.retryNode(cluster, { actor: 'ada', reason: 'healed', node });
    await until('the node is tried again', async () => {
      const { gates } = await client.status(cluster);
      return gates.some(({ sinceMs }) => sinceMs === first.gate?.sinceMs) ? undefined : true;
    });
    const { text, ...end } = await this.#endOf(await this.#stand());
    const problems = [...gateProblems(first.gate), ...end.problems];
    return { ...end, text: `${text} after ${codeOf(first.gate)}`, problems };
  }

  async #endOf({ result, gate }: Stand): Promise<UpgradeEnd> {
    const { client, cluster } = this.#ground;
    if (result !== undefined) {
      const problems = result.outcome === 'completed' ? [] : [`ended: ${JSON.stringify(result)}`];
      return { text: result.outcome, result, problems };
    }
    const problems = gate === undefined ? [await this.#ground.diagnosis()] : gateProblems(gate);
    await this.#ground.temporal.workflow.getHandle(`upgrade/${cluster}`).cancel();
    const cancelled = await until(
      'the cancelled upgrade has ended',
      async () => (await client.status(cluster)).result,
      { timeoutMs: cancelMs },
    );
    const text = gate === undefined ? 'stood still' : `stood at ${gate.id} (${codeOf(gate)})`;
    return { text, result: cancelled, problems };
  }

  async #stand(): Promise<Stand> {
    const { client, cluster } = this.#ground;
    const look = async () => {
      const { result, gates } = await client.status(cluster);
      const [gate] = gates;
      if (result !== undefined) return { result };
      return gate === undefined ? undefined : { gate };
    };
    return until('it ends or stands at a gate', look, { timeoutMs: endMs }).catch(() => ({}));
  }

  /** Never newer than the API server: a run before may have stopped before it changed that. */
  async #kubeletFor({ from }: RunKind): Promise<string> {
    const { members } = await this.#ground.lab.control.status();
    const versions = members.map(({ apiServer }) => apiServer.version as KubeVersion);
    return [from as KubeVersion, ...versions].toSorted(compareVersions)[0] ?? from;
  }

  /** An upgrade that has ended meanwhile cannot be paused, which is told as a problem otherwise. */
  async #pause(forMs: number): Promise<void> {
    const { client, cluster } = this.#ground;
    const asked = { actor: 'ada', reason: 'what is that?' };
    const isEnded = async (): Promise<boolean> => (await client.status(cluster)).phase === 'ended';
    try {
      await client.pause(cluster, asked);
      await sleep(forMs);
      await client.resume(cluster, asked);
    } catch (error) {
      if (!(await isEnded())) throw error;
    }
  }

  async #replaceWorker(): Promise<void> {
    await this.#ground.killWorker(this.#worker);
    this.#worker = await this.#ground.startWorker(this.#access);
  }
}

const zoneNames = ['zone-a', 'zone-b', 'zone-c'] as const;

function codeOf(gate: Gate): string {
  if (gate.kind === 'approval') return gate.kind;
  if (gate.kind === 'node') {
    return [gate.failure.code, ...new Set(gate.blockers.map(({ code }) => code))].join(' ');
  }
  const blocking = gate.findings.filter(({ severity }) => severity === 'blocks');
  return [gate.failure.code, ...new Set(blocking.map(({ code }) => code))].join(' ');
}

/** A blocker or a failure that is typed, and says what to do. */
function gateProblems(gate: Gate): readonly string[] {
  const text = JSON.stringify(gate);
  if (gate.kind === 'approval') return [`nobody asked for an approval: ${text}`];
  const { code, remedy } = gate.failure;
  if (code === 'unexpected' || remedy === '') return [`a gate without a reason: ${text}`];
  // A drain may also be refused for its node: a new Node object has lost its cordon.
  const isBare = gate.kind === 'node' && code === 'drain-deadline' && gate.blockers.length === 0;
  return isBare ? [`a held node without a blocker: ${text}`] : [];
}

function judgementProblems({ violations, unseen }: Judgement): readonly string[] {
  return [
    ...violations.map((violation) => `a budget was violated: ${JSON.stringify(violation)}`),
    ...unseen.map((loss) => `nobody saw who took a pod: ${JSON.stringify(loss)}`),
  ];
}

/** Of the engine's requests, as the API server wrote them down. */
function removalProblems(removed: readonly Removal[], { losses }: Judgement): readonly string[] {
  const asked = removed.filter(({ kind }) => kind === 'eviction');
  const evicted = asked.filter(({ isSure }) => isSure);
  const uids = evicted.map(({ uid }) => uid);
  const seen = losses.filter(({ cause }) => cause === 'eviction');
  return [
    ...removed
      .filter(({ kind, isSure }) => kind === 'delete' && isSure)
      .map(({ pod, at }) => `the engine deleted ${pod} at ${at}`),
    ...evicted
      .filter(({ uid }, index) => uid === undefined || uids.indexOf(uid) !== index)
      .map(({ pod, uid, at }) => `${pod} (${uid ?? 'no uid'}) was evicted again at ${at}`),
    ...seen
      .filter(({ uid }) => !asked.some((one) => one.uid === uid))
      .map(({ pod, node }) => `${pod} was evicted from ${node}, by whom is not known`),
  ];
}

/** Nodes that the upgrade itself says it has left out. */
function leftOut(result: UpgradeResult | undefined): readonly string[] {
  if (result?.outcome !== 'completed') return [];
  return result.hops
    .flatMap((hop) => hop.nodes)
    .filter(({ outcome }) => outcome === 'skipped' || outcome === 'quarantined')
    .map(({ node }) => node);
}
