import type { Reflected, WatchEvent } from '../../../activities/adapters/reflector';
import { systemClock } from '../../../activities/adapters/system-clock';
import { WatchedCluster, type WatchedKinds } from '../../../activities/adapters/watched-cluster';
import type { BudgetView, NodeView, PodView } from '../../../activities/ports';
import { FakeClock } from '../../support/fake-clock';
import { FakeKube } from '../../support/fake-kube';
import { until } from '../../support/lab-until';
import { never } from './support/refusals';

/** A kind of object whose watch is told by the test. */
class Told<View> {
  views: readonly View[] = [];
  lists = 0;
  open = 0;
  #tell: ((event: WatchEvent<View> | 'end') => void) | undefined;

  readonly source: Reflected<View> = {
    list: async () => {
      this.lists += 1;
      return { views: this.views, version: '1' };
    },
    currentVersion: async () => '1',
    watch: async (_, signal) => this.#events(signal),
  };

  tell(event: WatchEvent<View> | 'end'): void {
    this.#tell?.(event);
  }

  async *#events(signal: AbortSignal): AsyncIterable<WatchEvent<View>> {
    const waiting: (WatchEvent<View> | 'end')[] = [];
    let wake = (): void => undefined;
    this.#tell = (event) => {
      waiting.push(event);
      wake();
    };
    this.open += 1;
    try {
      for (;;) {
        const event = waiting.shift();
        if (event === 'end') return;
        if (event !== undefined) yield event;
        signal.throwIfAborted();
        if (waiting.length > 0) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
    } finally {
      this.open -= 1;
    }
  }
}

/** Views as an API server's objects give them. */
const shop = new FakeKube(new FakeClock())
  .addNode('worker-1')
  .addPod('worker-1', 'web-1')
  .addPod('worker-1', 'web-2')
  .addPod('worker-2', 'web-3');
const [web1, web2, web3] = [...shop.pods.values()] as [PodView, PodView, PodView];
const worker1 = shop.nodes.get('worker-1') as NodeView;

function budgetOf(name: string, disruptionsAllowed: number): BudgetView {
  return {
    budget: { namespace: 'shop', name: 'web' },
    disruptionsAllowed,
    currentHealthy: 3,
    desiredHealthy: 2,
    expectedPods: 3,
    observed: true,
    syncFailed: false,
    selects: (pod) => pod.ref.name === name,
  };
}

class Scene {
  readonly pods = new Told<PodView>();
  readonly nodes = new Told<NodeView>();
  readonly budgets = new Told<BudgetView>();
  readonly cluster: WatchedCluster;

  constructor(lingerMs = 60_000) {
    const { pods, nodes, budgets } = this;
    const kinds: WatchedKinds = {
      pods: pods.source,
      nodes: nodes.source,
      budgets: budgets.source,
    };
    this.cluster = new WatchedCluster(kinds, { clock: systemClock, lingerMs });
    scenes.push(this);
  }

  /** Follows worker-1 as soon as all watches are open. */
  async follow() {
    const follower = this.cluster.follow('worker-1');
    await until('the watches are open', async () => follower.pods());
    await follower.changed(0, never);
    return follower;
  }

  get openWatches(): number {
    return this.pods.open + this.nodes.open + this.budgets.open;
  }
}

const scenes: Scene[] = [];
afterEach(async () => {
  await Promise.all(scenes.splice(0).map(({ cluster }) => cluster.close()));
});

/** Longer than a test may take: only a change ends the wait. */
const forEverMs = 600_000;

describe('a watched cluster', () => {
  it('tells nothing before all watches are open, then what is on the node', async () => {
    const scene = new Scene();
    scene.pods.views = [web1, web3];
    scene.nodes.views = [worker1];
    scene.budgets.views = [budgetOf('web-1', 1)];
    const follower = scene.cluster.follow('worker-1');
    expect([follower.pods(), follower.node(), follower.budgetsOf(web1)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(scene.cluster.budgetsOf(web1.uid)).toBeUndefined();
    await until('the watches are open', async () => follower.pods());
    expect(follower.pods()).toEqual([web1]);
    expect(follower.node()).toEqual(worker1);
    expect(follower.budgetsOf(web1)).toEqual([
      expect.objectContaining({
        disruptionsAllowed: 1,
        budget: { namespace: 'shop', name: 'web' },
      }),
    ]);
    expect(follower.budgetsOf(web2)).toEqual([]);
    expect(scene.cluster.budgetsOf(web1.uid)).toEqual(follower.budgetsOf(web1));
    expect(scene.cluster.budgetsOf(web3.uid)).toEqual([]);
    expect(scene.cluster.budgetsOf(web2.uid)).toBeUndefined();
  });

  it('tells the pods of a budget that are unhealthy, on any node and on none', async () => {
    const scene = new Scene();
    const pending = { ...web2, node: '', ready: false, phase: 'Pending' };
    scene.pods.views = [web1, pending, { ...web3, ready: false }];
    const budget = { ...budgetOf('', 0), selects: (pod: PodView) => pod.ref.name !== 'web-3' };
    scene.budgets.views = [budget];
    const follower = scene.cluster.follow('worker-1');
    expect(follower.shortfallOf(budget.budget)).toBeUndefined();
    await until('the watches are open', async () => follower.pods());
    expect(follower.shortfallOf(budget.budget)).toEqual({ budget, unhealthy: [pending] });
    expect(follower.shortfallOf({ namespace: 'shop', name: 'other' })).toBeUndefined();
    await follower.changed(0, never);
    scene.pods.tell({ kind: 'put', view: web2, version: '2' });
    const leaving = { ...web1, deletionTimestampMs: 1 };
    scene.pods.tell({ kind: 'put', view: leaving, version: '3' });
    await until('the last is told', async () =>
      follower.pods()?.find(({ deletionTimestampMs }) => deletionTimestampMs === 1),
    );
    expect(follower.shortfallOf(budget.budget)?.unhealthy).toEqual([leaving]);
    scene.pods.tell({ kind: 'remove', view: leaving, version: '4' });
    await until('it is gone', async () => follower.pods()?.length === 1 || undefined);
    expect(follower.shortfallOf(budget.budget)?.unhealthy).toEqual([]);
  });

  it('wakes who follows the node at each change that concerns it', async () => {
    const scene = new Scene();
    scene.pods.views = [web1];
    const follower = await scene.follow();
    scene.pods.tell({ kind: 'put', view: web2, version: '2' });
    await follower.changed(forEverMs, never);
    expect(follower.pods()).toEqual([web1, web2]);
    scene.pods.tell({ kind: 'remove', view: web1, version: '3' });
    await follower.changed(forEverMs, never);
    expect(follower.pods()).toEqual([web2]);
    expect(follower.node()).toBe('missing');
    scene.nodes.tell({ kind: 'put', view: worker1, version: '4' });
    await follower.changed(forEverMs, never);
    expect(follower.node()).toEqual(worker1);
    scene.budgets.tell({ kind: 'put', view: budgetOf('web-2', 0), version: '5' });
    await follower.changed(forEverMs, never);
    expect(follower.budgetsOf(web2)).toHaveLength(1);
  });

  it('tells of the whole cluster, and wakes who follows it at nodes and budgets', async () => {
    const scene = new Scene();
    const pending = { ...web2, node: '', ready: false, phase: 'Pending' };
    scene.pods.views = [web1, pending, web3];
    const follower = scene.cluster.followAll();
    expect(follower.cluster()).toBeUndefined();
    const cluster = await until('the watches are open', async () => follower.cluster());
    await follower.changed(0, never);
    const owner = 'shop/ReplicaSet/web';
    expect(cluster.podsOnNode('worker-1')).toEqual([web1]);
    expect(cluster.unhealthyPods()).toEqual([pending]);
    expect([cluster.servingOf(owner), cluster.servingOf('shop/ReplicaSet/api')]).toEqual([2, 0]);
    scene.nodes.tell({ kind: 'put', view: worker1, version: '2' });
    await follower.changed(forEverMs, never);
    expect(cluster.nodes()).toEqual([worker1]);
    scene.pods.tell({ kind: 'put', view: web2, version: '3' });
    scene.pods.tell({ kind: 'put', view: { ...web3, deletionTimestampMs: 1 }, version: '4' });
    scene.pods.tell({ kind: 'remove', view: web1, version: '5' });
    await until('the last is told', async () => cluster.servingOf(owner) === 1 || undefined);
    scene.pods.tell({ kind: 'remove', view: web2, version: '6' });
    await until('none serves', async () => cluster.servingOf(owner) === 0 || undefined);
    scene.budgets.tell({ kind: 'put', view: budgetOf('web-1', 0), version: '7' });
    await follower.changed(forEverMs, never);
    expect(cluster.budgetsOf(web1)).toHaveLength(1);
    follower.close();
  });

  it('remembers a change until it is asked for, and only once', async () => {
    const scene = new Scene();
    const follower = await scene.follow();
    scene.pods.tell({ kind: 'put', view: web1, version: '2' });
    await until('the pod is told', async () => follower.pods()?.[0]);
    const startedMs = performance.now();
    await follower.changed(forEverMs, never);
    await follower.changed(30, never);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(29);
  });

  it('wakes nobody for another node or a budget of other pods', async () => {
    const scene = new Scene();
    scene.pods.views = [web1];
    const follower = await scene.follow();
    const elsewhere = scene.cluster.follow('worker-2');
    await elsewhere.changed(0, never);
    scene.budgets.tell({ kind: 'put', view: budgetOf('web-2', 0), version: '2' });
    scene.pods.tell({ kind: 'put', view: web3, version: '3' });
    await elsewhere.changed(forEverMs, never);
    const startedMs = performance.now();
    await follower.changed(30, never);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(29);
  });

  it('tells nothing while a watch is open anew, and wakes everybody', async () => {
    const scene = new Scene();
    scene.pods.views = [web1];
    const follower = await scene.follow();
    scene.nodes.tell('end');
    await follower.changed(forEverMs, never);
    expect(follower.pods()).toBeUndefined();
    await follower.changed(forEverMs, never);
    expect(follower.pods()).toEqual([web1]);
    expect(scene.pods.lists).toBe(1);
  });

  it('rejects with the reason of the signal', async () => {
    const follower = await new Scene().follow();
    const reason = new Error('cancelled');
    await expect(follower.changed(forEverMs, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('shares its watches, and keeps them for a while after the last has left', async () => {
    const scene = new Scene();
    const first = await scene.follow();
    const second = await scene.follow();
    first.close();
    first.close();
    expect(scene.openWatches).toBe(3);
    second.close();
    const third = await scene.follow();
    third.close();
    expect([scene.pods.lists, scene.openWatches]).toEqual([1, 3]);
  });

  it('ends its watches when nobody came back, and lists anew for who comes later', async () => {
    const scene = new Scene(0);
    scene.pods.views = [web1];
    (await scene.follow()).close();
    await until('the watches are closed', async () => scene.openWatches === 0 || undefined);
    scene.pods.views = [web2];
    expect((await scene.follow()).pods()).toEqual([web2]);
    expect(scene.pods.lists).toBe(2);
  });
});
