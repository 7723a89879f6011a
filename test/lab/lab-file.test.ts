import { checkShape, designLab, portsOf } from '../../lab/lab-file';
import { LabError } from '../../lab/lab-error';

const shape = {
  name: 'side',
  version: '1.28.15',
  members: 3,
  nodes: 4,
  zones: 3,
  workloads: 'none',
  pods: 12,
} as const;

describe('the shape of a lab', () => {
  it('is refused with every problem at once', () => {
    const wrong = { ...shape, name: 'Side!', version: '1.27', members: 2, nodes: 0, zones: 27 };
    let thrown: unknown;
    try {
      checkShape(wrong);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(LabError);
    expect((thrown as LabError).problems).toEqual([
      'name is "Side!", expected a lower-case DNS label of at most 40 letters',
      'kubernetes is 1.27, expected one of 1.28.15, 1.29.15, 1.30.14, 1.31.4, 1.32.5, 1.33.13, ' +
        'or its minor',
      'members is 2, expected an odd number: etcd needs a majority',
      'nodes is 0, expected a whole number from 1 to 2000',
      'zones is 27, expected a whole number from 1 to 26',
    ]);
  });

  it('has each problem once', () => {
    const wrong = { ...shape, workloads: 'demo', members: 8, nodes: 0, pods: 0 } as const;
    expect(() => checkShape(wrong)).toThrow(
      expect.objectContaining({
        problems: [
          'members is 8, expected a whole number from 1 to 7',
          'nodes is 0, expected a whole number from 1 to 2000',
        ],
      }) as Error,
    );
  });

  it.each(['1.29', '1.29.15', '1.33'])('may begin with Kubernetes %s', (version) => {
    expect(() => checkShape({ ...shape, version })).not.toThrow();
  });

  it.each([
    ['demo', 9, 45, []],
    [
      'demo',
      9,
      44,
      [
        'pods is 44, expected at least 45 on so many nodes: with fewer, disruption budgets of the' +
          ' demo workloads let no pod go; no workloads at all need none',
      ],
    ],
    ['demo', 1, 110, []],
    ['demo', 1, 111, ['pods is 111, expected at most 110: 110 a node']],
    ['none', 9, 0, []],
  ] as const)('with workloads %s and %d nodes and %d pods has problems %j', (...row) => {
    const [workloads, nodes, pods, problems] = row;
    let thrown: unknown;
    try {
      checkShape({ ...shape, workloads, nodes, pods });
    } catch (error) {
      thrown = error;
    }
    expect(thrown instanceof LabError ? thrown.problems : []).toEqual(problems);
  });

  it('becomes members and nodes on ports of their own, nodes going round the zones', async () => {
    const lab = await designLab(shape, 0, new Set());
    expect(lab.members.map(({ name, advertiseAddress }) => [name, advertiseAddress])).toEqual([
      ['cp-1', '10.99.0.11'],
      ['cp-2', '10.99.0.12'],
      ['cp-3', '10.99.0.13'],
    ]);
    expect(lab.nodes).toEqual([
      { name: 'worker-01', zone: 'zone-a' },
      { name: 'worker-02', zone: 'zone-b' },
      { name: 'worker-03', zone: 'zone-c' },
      { name: 'worker-04', zone: 'zone-a' },
    ]);
    expect(new Set(portsOf(lab)).size).toBe(16);
  });

  it('keeps away from the ports of labs that are down', async () => {
    const other = await designLab(shape, 0, new Set());
    const reserved = new Set(portsOf(other));
    const lab = await designLab(shape, 0, reserved);
    expect(portsOf(lab).filter((port) => reserved.has(port))).toEqual([]);
  });
});
