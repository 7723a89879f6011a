import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { parseSpecFile, specProblemText } from '../../client/spec-file';
import { specJsonSchema } from '../../client/spec-schema';

const root = resolve(__dirname, '../..');
const head = 'apiVersion: ascent/v1\ncluster: lab\ntarget: "1.30"\n';

/** The spec; the problems as texts where there is none. */
function read(text: string) {
  const result = parseSpecFile(text, 'upgrade.yaml');
  if (result.kind === 'valid') return result.spec;
  return result.problems.map((problem) => specProblemText(result.fileName, problem));
}

const defaultPool = {
  name: 'workers',
  nodeSelector: {},
  lane: 'every-hop',
  maxUnavailable: 1,
  drain: { timeoutMs: 1_800_000, emptyDirData: 'delete', unmanagedPods: 'refuse' },
  upgradeTimeoutMs: 900_000,
  nodeSoakMs: 10_000,
};
const defaults = {
  apiVersion: 'ascent/v1',
  cluster: 'lab',
  target: '1.30',
  via: [],
  approvals: 'between-hops',
  hopSoakMs: 900_000,
  controlPlane: { memberTimeoutMs: 900_000, allowSingleMember: false },
  pools: [defaultPool],
};

describe('an upgrade file', () => {
  it('may say no more than the cluster and the target', () => {
    expect(read(head)).toEqual(defaults);
  });

  it('may say everything', () => {
    const text = `
apiVersion: ascent/v1
cluster: prod-eu
target: v1.30.14
via: [1.29.15]
approvals: every-hop
soak: 1.5h
controlPlane:
  memberTimeout: 5m
  allowSingleMember: true
  etcd:
    - { hop: '1.29', version: v3.5.35, order: before-api-servers }
    - { hop: '1.30', version: 3.6.16 }
  emulation:
    - { hop: '1.30', soak: 24h }
pools:
  - name: web
    nodeSelector: { role: web }
    lane: fewest-drains
    maxUnavailable: 25%
    zones: any
    orderLabel: example.com/turn
    drain:
      timeout: 2 h
      gracePeriodSeconds: 0
      emptyDirData: refuse
      unmanagedPods: evict
    upgradeTimeout: 1d
    reboot: when-required
    rebootTimeout: 20m
    nodeSoak: 0s
  - name: rest
`;
    expect(read(text)).toEqual({
      apiVersion: 'ascent/v1',
      cluster: 'prod-eu',
      target: '1.30.14',
      via: ['1.29.15'],
      approvals: 'every-hop',
      hopSoakMs: 5_400_000,
      controlPlane: {
        memberTimeoutMs: 300_000,
        allowSingleMember: true,
        etcd: [
          { hop: '1.29', version: '3.5.35', order: 'before-api-servers' },
          { hop: '1.30', version: '3.6.16' },
        ],
        emulation: [{ hop: '1.30', soakMs: 86_400_000 }],
      },
      pools: [
        {
          name: 'web',
          nodeSelector: { role: 'web' },
          lane: 'fewest-drains',
          maxUnavailable: '25%',
          zones: 'any',
          orderLabel: 'example.com/turn',
          drain: {
            timeoutMs: 7_200_000,
            gracePeriodSeconds: 0,
            emptyDirData: 'refuse',
            unmanagedPods: 'evict',
          },
          upgradeTimeoutMs: 86_400_000,
          reboot: { when: 'when-required', timeoutMs: 1_200_000 },
          nodeSoakMs: 0,
        },
        { ...defaultPool, name: 'rest' },
      ],
    });
  });

  it.each([
    ['rollback: never', {}],
    ['rollback: ask', { rollBack: 'ask' }],
    ['rollback: automatic', { rollBack: 'automatic' }],
  ])('may say what becomes of a hop whose control plane fails: %s', (line, policy) => {
    expect(read(`${head}${line}`)).toEqual({ ...defaults, ...policy });
  });

  it('may be JSON', () => {
    const text = JSON.stringify({ apiVersion: 'ascent/v1', cluster: 'lab', target: '1.30' });
    expect(read(text)).toEqual(defaults);
  });

  const withDrain = (drain: string): string =>
    `${head}pools: [{ name: workers, drain: { ${drain} } }]`;

  it('may say which pods a drain is about, waits for and leaves', () => {
    const drain =
      'timeout: 3h, podSelector: "env in (a,b),!legacy", jobPods: wait,' +
      ' namespaces: { batch: wait, monitoring: skip, 007: hold }';
    const policy = {
      ...defaultPool.drain,
      timeoutMs: 10_800_000,
      podSelector: 'env in (a,b),!legacy',
      jobTimeoutMs: 1_200_000,
      namespaces: { batch: 'wait', monitoring: 'skip', '007': 'hold' },
    };
    expect(read(withDrain(drain))).toEqual({
      ...defaults,
      pools: [{ ...defaultPool, drain: policy }],
    });
  });

  it('may say how long Jobs have', () => {
    const drain = { ...defaultPool.drain, jobTimeoutMs: 60_000 };
    expect(read(withDrain('jobPods: wait, jobTimeout: 1m'))).toEqual({
      ...defaults,
      pools: [{ ...defaultPool, drain }],
    });
    const usual = { ...defaultPool.drain, jobTimeoutMs: 1_200_000 };
    expect(read(withDrain('jobPods: wait'))).toEqual({
      ...defaults,
      pools: [{ ...defaultPool, drain: usual }],
    });
    expect(read(withDrain('jobPods: evict'))).toEqual(defaults);
  });

  it('may have a ladder, which the plan judges', () => {
    const surging = { ...defaultPool.drain, ladder: ['surge', 'hold'] };
    expect(read(withDrain('ladder: [surge, hold]'))).toEqual({
      ...defaults,
      pools: [{ ...defaultPool, drain: surging }],
    });
    const soon = { ...defaultPool.drain, ladder: ['surge'], surgeAfterMs: 5_000 };
    expect(read(withDrain('ladder: [surge], surgeAfter: 5s'))).toEqual({
      ...defaults,
      pools: [{ ...defaultPool, drain: soon }],
    });
  });

  it.each([
    [
      'podSelector: "app in web,-x"',
      'podSelector: column 8: expected (, got "web"',
      'podSelector: column 12: expected a label key (at most 63 letters, digits, -, _ and ., the' +
        ' first and last a letter or a digit; before it a DNS name and /, or nothing), got "-x"',
    ],
    ['podSelector: ""', 'podSelector: is empty - leave it out for every pod'],
    [
      'podSelector: 5',
      'podSelector: expected a label selector such as "app=web,tier!=db", got the number 5',
    ],
    ['jobPods: keep', 'jobPods: expected evict or wait, got the string "keep"'],
    [
      'jobTimeout: 5m',
      'jobTimeout: is for jobPods: wait only - set jobPods to wait, or leave jobTimeout out',
    ],
    [
      'jobPods: wait, timeout: 20m',
      "jobTimeout: 20 min is not shorter than the drain's timeout of 20 min, so Jobs would be" +
        ' waited for until the drain gives up - raise timeout, or set a shorter jobTimeout',
    ],
    [
      'namespaces: { Batch: wait, web: evict }',
      'namespaces.Batch: expected the name of a namespace (at most 63 lower-case letters, digits' +
        ' and dashes)',
      'namespaces.web: expected skip, wait or hold, got the string "evict"',
    ],
    ['namespaces: [web]', 'namespaces: expected a mapping, got a list'],
    [
      'ladder: [force, hold]',
      'ladder[0]: expected surge, hold or quarantine, got the string "force"',
    ],
    ['ladder: hold', 'ladder: expected a list such as [surge, hold], got the string "hold"'],
    [
      'surgeAfter: 5s',
      'surgeAfter: is for a ladder with surge only - add surge to the ladder, or leave surgeAfter' +
        ' out',
    ],
    [
      'ladder: [surge, hold], timeout: 1m',
      "surgeAfter: 1 min is not shorter than the drain's timeout of 1 min, so nothing would be" +
        ' raised - raise timeout, or set a shorter surgeAfter',
    ],
  ])('is refused with drain: { %s }', (drain, ...problems) => {
    expect(read(withDrain(drain))).toEqual(
      problems.map((text): unknown => expect.stringContaining(`: pools[0].drain.${text}`)),
    );
  });

  it('asks for the same with and without a default', () => {
    expect(read(`${head}pools: [{ name: workers, zones: one-at-a-time }]`)).toEqual(defaults);
  });

  it('is refused with an order that is none', () => {
    const label =
      'expected a label key (at most 63 letters, digits, -, _ and ., the first and last a letter' +
      ' or a digit; before it a DNS name and /, or nothing), got';
    expect(
      read(`${head}pools:
  - { name: a, zones: 1, orderLabel: UP/turn }
  - { name: b, zones: one-at-time, orderLabel: "" }
  - { name: c, orderLabel: 7 }
`),
    ).toEqual([
      'upgrade.yaml:5:23: pools[0].zones: expected one-at-a-time or any, got the number 1',
      `upgrade.yaml:5:38: pools[0].orderLabel: ${label} the string "UP/turn"`,
      'upgrade.yaml:6:23: pools[1].zones: expected one-at-a-time or any, got the string' +
        ' "one-at-time" - did you mean one-at-a-time?',
      `upgrade.yaml:6:48: pools[1].orderLabel: ${label} the string ""`,
      `upgrade.yaml:7:28: pools[2].orderLabel: ${label} the number 7`,
    ]);
  });

  it.each(['1.30', '"1.30"', 'v1.30'])('means the minor 1.30 by target: %s', (target) => {
    expect(read(`apiVersion: ascent/v1\ncluster: lab\ntarget: ${target}\n`)).toEqual(defaults);
  });

  it('reads label values as they are written', () => {
    const pools = 'pools:\n  - name: workers\n    nodeSelector: { gpu: true, rack: 07, role: }\n';
    const nodeSelector = { gpu: 'true', rack: '07', role: '' };
    expect(read(head + pools)).toEqual({ ...defaults, pools: [{ ...defaultPool, nodeSelector }] });
  });

  it('is the example of hops in two steps', () => {
    const spec = read(readFileSync(resolve(root, 'examples/two-steps.yaml'), 'utf8'));
    expect(spec).toMatchObject({
      target: '1.33',
      controlPlane: {
        emulation: ['1.32', '1.33'].map((hop) => ({ hop, soakMs: 86_400_000 })),
      },
    });
  });

  it('that ships as an example is valid', () => {
    expect(read(readFileSync(resolve(root, 'examples/upgrade.yaml'), 'utf8'))).toEqual({
      ...defaults,
      hopSoakMs: 30_000,
      controlPlane: { memberTimeoutMs: 300_000, allowSingleMember: false },
      pools: [{ ...defaultPool, upgradeTimeoutMs: 600_000 }],
    });
  });
});

it('every problem is told at once, in the order of the file, with what was probably meant', () => {
  const text = `apiVersion: ascent/v2
clutser: lab
target: latest
via: [1.29]
approvals: betwen-hops
soak: 30
controlPlane:
  memberTimeout: 5
  allowSingleMember: yes
pools:
  - name: Web
    maxUnavailble: 2
    drain:
      timeout: 5 weeks
      gracePeriodSeconds: 30s
      emptyDirData: keep
  - name: rollback
    maxUnavailable: 0
  - name: db
    maxUnavailable: 0%
    reboot: sometimes
    rebootTimeout: 5s
    nodeSoak: 2d
  - name: db
    drain:
`;
  const durationWanted = 'expected a duration with a unit, such as 30s, 5m or 2h';
  const nodesWanted = 'expected a number of nodes from 1 or a percentage from "1%" to "100%"';
  expect(read(text)).toEqual([
    'upgrade.yaml:1:1: cluster: is required: expected a name of at most 63 lower-case letters,' +
      ' digits and dashes',
    'upgrade.yaml:1:13: apiVersion: expected ascent/v1, got the string "ascent/v2"' +
      ' - did you mean ascent/v1?',
    'upgrade.yaml:2:1: clutser: unknown key; known are apiVersion, cluster, target, via,' +
      ' approvals, rollback, soak, controlPlane, pools - did you mean cluster?',
    'upgrade.yaml:3:9: target: expected a minor such as "1.30" or a release such as "1.30.14",' +
      ' got the string "latest"',
    'upgrade.yaml:4:7: via[0]: expected a release such as "1.29.15", got the string "1.29"',
    'upgrade.yaml:5:12: approvals: expected none, between-hops or every-hop, got the string' +
      ' "betwen-hops" - did you mean between-hops?',
    `upgrade.yaml:6:7: soak: ${durationWanted}, got the number 30`,
    `upgrade.yaml:8:18: controlPlane.memberTimeout: ${durationWanted}, got the number 5`,
    'upgrade.yaml:9:22: controlPlane.allowSingleMember: expected true or false, got the string' +
      ' "yes"',
    'upgrade.yaml:11:11: pools[0].name: expected a name of at most 63 lower-case letters, digits' +
      ' and dashes, got the string "Web"',
    'upgrade.yaml:12:5: pools[0].maxUnavailble: unknown key; known are name, nodeSelector, lane,' +
      ' maxUnavailable, zones, orderLabel, drain, upgradeTimeout, reboot, rebootTimeout, nodeSoak' +
      ' - did you mean maxUnavailable?',
    `upgrade.yaml:14:16: pools[0].drain.timeout: ${durationWanted}, got the string "5 weeks"`,
    'upgrade.yaml:15:27: pools[0].drain.gracePeriodSeconds: expected whole seconds without a' +
      ' unit, such as 30, got the string "30s"',
    'upgrade.yaml:16:21: pools[0].drain.emptyDirData: expected delete or refuse, got the string' +
      ' "keep"',
    'upgrade.yaml:17:11: pools[1].name: the name rollback is reserved; choose another',
    `upgrade.yaml:18:21: pools[1].maxUnavailable: ${nodesWanted}, got the number 0`,
    `upgrade.yaml:20:21: pools[2].maxUnavailable: ${nodesWanted}, got the string "0%"`,
    'upgrade.yaml:21:13: pools[2].reboot: expected never, always or when-required, got the string' +
      ' "sometimes"',
    'upgrade.yaml:22:20: pools[2].rebootTimeout: expected a duration from 10s to 1d, got the' +
      ' string "5s"',
    'upgrade.yaml:23:15: pools[2].nodeSoak: expected a duration from 0s to 1d, got the string "2d"',
    'upgrade.yaml:24:11: pools[3].name: the name db is taken by pools[2]',
    'upgrade.yaml:25:11: pools[3].drain: expected a mapping, got nothing',
  ]);
});

describe('what is no upgrade file at all', () => {
  const wanted = 'expected a mapping with apiVersion, cluster and target';

  it.each([
    { text: '', problems: [`upgrade.yaml:1:1: ${wanted}, got nothing`] },
    { text: '- a', problems: [`upgrade.yaml:1:1: ${wanted}, got a list`] },
    { text: 'hello', problems: [`upgrade.yaml:1:1: ${wanted}, got the string "hello"`] },
    {
      text: 'a: b: c',
      problems: [
        'upgrade.yaml:1:4: not readable as YAML: Nested mappings are not allowed in compact' +
          ' mappings',
      ],
    },
    {
      text: `${head}target: "1.31"\nsoak: [\n`,
      problems: [
        'upgrade.yaml:4:1: not readable as YAML: Map keys must be unique',
        'upgrade.yaml:6:1: not readable as YAML: Flow sequence in block collection must be' +
          ' sufficiently indented and end with a ]',
      ],
    },
    {
      text: `${head}soak: *later\n`,
      problems: [
        'upgrade.yaml:4:7: not readable as YAML: Unresolved alias (the anchor must be set before' +
          ' the alias): later',
      ],
    },
    {
      text: `${head}---\n${head}`,
      problems: ['upgrade.yaml:4:1: a second document begins here; an upgrade file has one'],
    },
  ])('is refused: $problems', ({ text, problems }) => {
    expect(read(text)).toEqual(problems);
  });
});

describe('wrong shapes', () => {
  const list = 'expected a list of pools';

  it.each([
    { text: 'pools: {a: 1}', problem: `upgrade.yaml:4:8: pools: ${list}, got a mapping` },
    {
      text: 'pools: []',
      problem:
        'upgrade.yaml:4:8: pools: expected at least one pool; leave pools out for one of all' +
        ' workers',
    },
    {
      text: 'pools: [web]',
      problem: 'upgrade.yaml:4:9: pools[0]: expected a mapping, got the string "web"',
    },
    {
      text: 'pools: [null]',
      problem: 'upgrade.yaml:4:9: pools[0]: expected a mapping, got nothing',
    },
    {
      text: 'controlPlane: {etcd: [{hop: "1.31", version: "3.6"}]}',
      problem:
        'upgrade.yaml:4:46: controlPlane.etcd[0].version: expected a release of etcd such as' +
        ' "3.6.16", got the string "3.6"',
    },
    {
      text: 'controlPlane: {emulation: [{hop: "1.32", soak: 1 day}]}',
      problem:
        'upgrade.yaml:4:48: controlPlane.emulation[0].soak: expected a duration with a unit,' +
        ' such as 30s, 5m or 2h, got the string "1 day"',
    },
    {
      text: 'via: 1.29.15',
      problem: 'upgrade.yaml:4:6: via: expected a list of releases, got the string "1.29.15"',
    },
    {
      text: 'pools: [{name: a, nodeSelector: [x]}]',
      problem: 'upgrade.yaml:4:33: pools[0].nodeSelector: expected a mapping, got a list',
    },
    {
      text: 'pools: [{name: a, nodeSelector: {x: {y: z}}}]',
      problem:
        'upgrade.yaml:4:37: pools[0].nodeSelector.x: expected a label value in quotes, got a' +
        ' mapping',
    },
    {
      text: 'pools: [{name: a, maxUnavailable: 1.5}]',
      problem:
        'upgrade.yaml:4:35: pools[0].maxUnavailable: expected a number of nodes from 1 or a' +
        ' percentage from "1%" to "100%", got the number 1.5',
    },
    {
      text: 'pools: [{name: a, drain: {gracePeriodSeconds: 90000}}]',
      problem:
        'upgrade.yaml:4:47: pools[0].drain.gracePeriodSeconds: expected whole seconds from 0 to' +
        ' 86400, got the number 90000',
    },
    {
      text: 'controlPlane: {drain: {}}',
      problem:
        'upgrade.yaml:4:16: controlPlane.drain: unknown key; known are memberTimeout,' +
        ' allowSingleMember, etcd, emulation',
    },
  ])('$text', ({ text, problem }) => {
    expect(read(`${head}${text}\n`)).toEqual([problem]);
  });

  it('in text that aliases blow up', () => {
    const nested = Array.from({ length: 9 }, (_, level) => {
      const inner =
        level === 0
          ? '[x, x, x, x]'
          : `[${Array(9)
              .fill(`*a${level - 1}`)
              .join(', ')}]`;
      return `a${level}: &a${level} ${inner}`;
    });
    expect(read(nested.join('\n'))).toEqual([
      'upgrade.yaml:1:1: not readable as YAML: Excessive alias count indicates a resource' +
        ' exhaustion attack',
    ]);
  });
});

describe('the JSON Schema', () => {
  it('that ships is the one of the code (tools/spec/write-schema.mjs writes it)', () => {
    const shipped: unknown = JSON.parse(
      readFileSync(resolve(root, 'docs/spec.schema.json'), 'utf8'),
    );
    expect(shipped).toEqual(specJsonSchema());
  });

  it('asks for what has no default, and explains each field', () => {
    const { required, properties = {} } = specJsonSchema();
    expect(required).toEqual(['apiVersion', 'cluster', 'target']);
    const silent = Object.keys(properties).filter((key) => !properties[key]?.description);
    expect(silent).toEqual([]);
  });
});
