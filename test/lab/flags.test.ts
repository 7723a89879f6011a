import {
  apiServerFlags,
  balancerUrl,
  controllerManagerFlags,
  etcdFlags,
  etcdRestoreFlags,
  kwokFlags,
  schedulerFlags,
} from '../../lab/flags';
import type { FlagContext } from '../../lab/flags';
import { designLab } from '../../lab/lab-file';
import type { LabFile } from '../../lab/lab-file';
import { labLayout } from '../../lab/layout';
import { smallShape } from '../support/lab-shape';

const shape = { ...smallShape, members: 3 };

describe('the command lines of a lab', () => {
  const layout = labLayout('/lab');
  let lab: LabFile;
  let contexts: readonly FlagContext[];

  beforeAll(async () => {
    lab = await designLab(shape, 0, new Set());
    contexts = lab.members.map((member) => ({ lab, layout, member }));
  });

  const valueOf = (flags: readonly string[], name: string): string | undefined =>
    flags.find((flag) => flag.startsWith(`--${name}=`))?.slice(name.length + 3);
  const portOf = (url: string): number => Number(new URL(url).port);
  const first = (): FlagContext => {
    const [context] = contexts;
    if (context === undefined) throw new Error('no member');
    return context;
  };
  const all = (): readonly (readonly string[])[] =>
    contexts.flatMap((context) => [
      etcdFlags(context, 'token'),
      apiServerFlags(context),
      controllerManagerFlags(context),
      schedulerFlags(context),
    ]);

  it('listen on loopback only, each on the ports of its member', () => {
    for (const { member, ...rest } of contexts) {
      const context = { member, ...rest };
      const etcd = etcdFlags(context, 'token');
      const urls = ['listen-client-urls', 'listen-peer-urls'].map((name) => valueOf(etcd, name));
      expect(urls).toEqual([
        `https://127.0.0.1:${member.ports.etcdClient}`,
        `https://127.0.0.1:${member.ports.etcdPeer}`,
      ]);
      const served = [apiServerFlags, controllerManagerFlags, schedulerFlags].map((flagsOf) => {
        const flags = flagsOf(context);
        return [valueOf(flags, 'bind-address'), Number(valueOf(flags, 'secure-port'))];
      });
      const { apiServer, controllerManager, scheduler } = member.ports;
      expect(served).toEqual([
        ['127.0.0.1', apiServer],
        ['127.0.0.1', controllerManager],
        ['127.0.0.1', scheduler],
      ]);
    }
  });

  it.each([
    { nodes: 2, seconds: 40 },
    { nodes: 300, seconds: 40 },
    { nodes: 301, seconds: 160 },
  ])('let $nodes nodes be silent for $seconds s', async ({ nodes, seconds }) => {
    const large = await designLab({ ...shape, nodes }, 0, new Set());
    const context = { ...first(), lab: large };
    expect([
      valueOf(controllerManagerFlags(context), 'node-monitor-grace-period'),
      valueOf(kwokFlags(context), 'node-lease-duration-seconds'),
    ]).toEqual([`${seconds}s`, String(seconds)]);
  });

  it('name each flag once', () => {
    const names = [...all(), kwokFlags({ lab, layout })].map((flags) =>
      flags.map((flag) => flag.split('=', 1)[0]),
    );

    expect(names).toEqual(names.map((list) => [...new Set(list)]));
  });

  it('keep every file below the directory of the lab', () => {
    const files = all()
      .flat()
      .flatMap((flag) => flag.split('=').slice(1))
      .filter((value) => value.startsWith('/') && !value.startsWith('/healthz'));

    expect(files.length).toBeGreaterThan(20);
    expect(files.filter((file) => !file.startsWith('/lab/'))).toEqual([]);
  });

  it('send an API server to its own etcd member first, and to the others after it', () => {
    const servers = contexts.map((context) =>
      valueOf(apiServerFlags(context), 'etcd-servers')?.split(',').map(portOf),
    );
    const [a, b, c] = lab.members.map(({ ports }) => ports.etcdClient);

    expect(servers).toEqual([
      [a, b, c],
      [b, a, c],
      [c, a, b],
    ]);
  });

  it('give a restored member the same peers as a new one, and a token of its own', () => {
    const restored = etcdRestoreFlags(first(), {
      token: 'restored',
      dataDir: '/lab/etcd/new',
      bumpRevision: 1_000,
    });
    const made = etcdFlags(first(), 'made');

    const same = ['name', 'initial-cluster', 'initial-advertise-peer-urls'];
    expect(same.map((name) => valueOf(restored, name))).toEqual(
      same.map((name) => valueOf(made, name)),
    );
    expect(valueOf(made, 'initial-cluster')).toBe(
      lab.members.map(({ name, ports }) => `${name}=https://127.0.0.1:${ports.etcdPeer}`).join(),
    );
    expect([made, restored].map((flags) => valueOf(flags, 'initial-cluster-token'))).toEqual([
      'made',
      'restored',
    ]);
    expect(restored.slice(-2)).toEqual(['--bump-revision=1000', '--mark-compacted']);
  });

  it('demand certificates of whoever speaks to etcd, and RBAC of all others', () => {
    expect(etcdFlags(first(), 'token')).toEqual(
      expect.arrayContaining(['--client-cert-auth=true', '--peer-client-cert-auth=true']),
    );
    expect(valueOf(apiServerFlags(first()), 'authorization-mode')).toBe('Node,RBAC');
  });

  it('reach the cluster through the balancer, on a port that no member has', () => {
    const ports = lab.members.flatMap((member) => Object.values(member.ports));

    expect(ports).not.toContain(portOf(balancerUrl(lab)));
    expect(kwokFlags({ lab, layout })[0]).toBe(`--kubeconfig=${layout.config}/kwok.kubeconfig`);
  });
});
