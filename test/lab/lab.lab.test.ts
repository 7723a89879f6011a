// The lab itself, on real processes: two side by side, a supervisor that is killed, a lab that
// comes up again with its data, one that is taken down twice.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { KubeRest } from '../../lab/kube-rest';
import type { Lab } from '../../lab/lab';
import { labDown, labStatus, labUp } from '../../lab/lab';
import { labLayout } from '../../lab/layout';
import { endProcess, isAlive, recordedProcess } from '../../lab/process-identity';
import type { ProcessIdentity } from '../../lab/process-identity';
import { untilTrue } from '../support/lab-until';

jest.setTimeout(300_000);

const configMaps = '/api/v1/namespaces/default/configmaps';

async function ask(lab: Lab, use: (kube: KubeRest) => Promise<void>): Promise<void> {
  const kube = await KubeRest.admin(labLayout(lab.stateDir), lab.apiUrl);
  try {
    await use(kube);
  } finally {
    kube.close();
  }
}

describe('a lab', () => {
  let root: string;
  let first: Lab;
  const at = (name: string): string => path.join(root, name);
  const up = (name: string): Promise<Lab> =>
    labUp({ name, stateDir: at(name), members: 1, nodes: 2, workloads: 'none' });

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'ascent-lab-'));
    first = await up('one');
  });

  afterAll(async () => {
    await Promise.all(['one', 'two'].map((name) => labDown({ stateDir: at(name) })));
    await rm(root, { recursive: true, force: true });
  });

  it('runs beside another one, on ports of its own', async () => {
    const second = await up('two');

    expect(second.apiUrl).not.toBe(first.apiUrl);
    expect(await labStatus({ stateDir: at('one') })).toMatchObject({ kind: 'up', name: 'one' });
    expect(await labStatus({ stateDir: at('two') })).toMatchObject({ kind: 'up', name: 'two' });
    expect(await labDown({ stateDir: at('two') })).toEqual({ wasUp: true });
    expect(await labDown({ stateDir: at('two') })).toEqual({ wasUp: false });
    expect(await labStatus({ stateDir: at('two') })).toMatchObject({ kind: 'absent' });
  });

  it('that is up already is left as it is', async () => {
    const again = await up('one');

    expect(again).toMatchObject({ wasUp: true, apiUrl: first.apiUrl });
  });

  it('whose supervisor is killed leaves nothing running, and comes up with its data', async () => {
    await ask(first, async (kube) => {
      await kube.must({
        method: 'POST',
        path: configMaps,
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept' } },
      });
    });
    const { processes } = labLayout(at('one'));
    const names = ['supervisor', 'cp-1-etcd', 'cp-1-api-server'];
    const recorded = await Promise.all(names.map((name) => recordedProcess(processes, name)));
    const running = recorded.filter((one): one is ProcessIdentity => one !== undefined);
    expect(running).toHaveLength(names.length);
    const [supervisor] = running;
    if (supervisor === undefined) throw new Error('no supervisor is recorded');

    await endProcess(supervisor, 5_000);
    await untilTrue('every process of the lab has ended', () =>
      Promise.resolve(!running.some(isAlive)),
    );
    expect(await labStatus({ stateDir: at('one') })).toMatchObject({ kind: 'down' });
    const again = await up('one');

    expect(again).toMatchObject({ wasUp: false, apiUrl: first.apiUrl });
    await ask(again, async (kube) => {
      const { status } = await kube.must({ method: 'GET', path: `${configMaps}/kept` });
      expect(status).toBe(200);
    });
  });
});
