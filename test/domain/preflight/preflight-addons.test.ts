import type { AddonsObservation, AddonWorkload } from '../../../domain/addons';
import type { DefinitionObservation } from '../../../domain/api-extensions';
import type { Addon } from '../../../domain/knowledge/addons';
import { addonFindings } from '../../../domain/preflight/preflight-addons';
import { findingSentence } from '../../../domain/status/sentences';
import type { KubeMinor, KubeVersion } from '../../../domain/versions';

const minor = (text: string): KubeMinor => text as KubeMinor;
const hop = { from: '1.28.15' as KubeVersion, to: '1.29.15' as KubeVersion };
const sources = { a: { url: 'https://a.io', date: '2026-08-22' } };
const head = { schema: 'ascent.addon/v1', title: 'Net', sources } as const;
const source = 'a';
const of = (from: string, to?: string) =>
  to === undefined ? { from: minor(from) } : { from: minor(from), to: minor(to) };

const known: readonly Addon[] = [
  {
    ...head,
    addon: 'net',
    images: ['net/agent'],
    definitions: ['nets.net.io', 'more.net.io'],
    statement: 'tests',
    releases: [
      { first: '0.8', last: '0.8', ...of('1.30'), source },
      { first: '0.9', last: '0.9', ...of('1.27'), source: 'nowhere' },
      { first: '1.0', last: '1.0', ...of('1.26', '1.28'), source },
      { first: '1.1', last: '1.1', ...of('1.28', '1.29'), source },
      { first: '1.2', ...of('1.28', '1.30'), source },
    ],
  },
  {
    ...head,
    addon: 'strict',
    title: 'Strict',
    images: ['strict'],
    versionFrom: 'label',
    statement: 'requires',
    releases: [
      { first: '1.0', last: '1.0', ...of('1.28', '1.28'), source },
      { first: '1.1', last: '1.1', ...of('1.29', '1.29'), source },
      { first: '1.2', last: '1.2', ...of('1.30'), source },
    ],
  },
  {
    ...head,
    addon: 'advice',
    title: 'Advice',
    images: ['advice'],
    statement: 'recommends',
    releases: [{ first: '1.0', last: '1.0', ...of('1.27', '1.28'), source }],
  },
  {
    ...head,
    addon: 'proxy',
    title: 'Proxy',
    images: ['proxy'],
    statement: 'requires',
    follows: { behind: 3, source },
  },
  {
    ...head,
    addon: 'scaler',
    title: 'Scaler',
    images: ['scaler'],
    statement: 'recommends',
    follows: { behind: 0, source },
  },
  {
    ...head,
    addon: 'dns',
    title: 'DNS',
    images: ['dns'],
    unknown: { why: 'it is silent', source },
  },
];

const running = (image: string, more: Partial<AddonWorkload> = {}): AddonWorkload => ({
  workload: 'DaemonSet kube-system/one',
  images: [image],
  ...more,
});

function found(
  workloads: readonly AddonWorkload[],
  other: Partial<AddonsObservation> = {},
  definitions?: readonly DefinitionObservation[],
) {
  const nothing = { kind: 'observed', items: [] } as const;
  const extensions = { admission: nothing, conversion: nothing, aggregated: nothing };
  const observation = {
    addons: { workloads, unlisted: [], ...other },
    ...(definitions === undefined ? {} : { extensions: { ...extensions, definitions } }),
  };
  return addonFindings({ observation, hop, known }).map(
    (finding) => [finding.code, finding.severity, findingSentence(finding)] as const,
  );
}

it('no add-on is looked for where nobody has listed workloads', () => {
  expect(addonFindings({ observation: {}, hop })).toEqual([]);
});

describe('there is no finding of', () => {
  it.each([
    ['a release that goes with the minor', [running('net/agent:v1.1.3')]],
    ['a release without a newest minor', [running('net/agent:v0.9.0')]],
    ['a release after the last that is named', [running('net/agent:v1.7.0')]],
    ['one that follows, of the minor before', [running('proxy:v1.28.15')]],
    ['one that follows, three minors behind', [running('proxy:v1.26.0')]],
    ['one that follows, of the same minor', [running('scaler:v1.29.0')]],
    ['an image that nobody knows', [running('other:v1')]],
  ])('%s', (_, workloads) => {
    expect(found(workloads)).toEqual([]);
  });
});

const where = '(DaemonSet kube-system/one)';

it.each([
  [
    'tests older minors only',
    running('net/agent:v1.0.1'),
    [
      'addon-incompatible',
      'warns',
      `add-on net: Net 1.0.1 ${where}: its project tests 1.26 to 1.28, not 1.29` +
        ' - bring it to 1.2 first, which goes with both minors; see https://a.io (of 2026-08-22)',
    ],
  ],
  [
    'tests newer minors only',
    running('net/agent:v0.8.0'),
    [
      'addon-incompatible',
      'warns',
      `add-on net: Net 0.8.0 ${where}: its project tests 1.30 and newer, not 1.29` +
        ' - bring it to 1.2 first, which goes with both minors; see https://a.io (of 2026-08-22)',
    ],
  ],
  [
    'requires an older minor',
    running('strict:latest', { version: 'v1.0.0' }),
    [
      'addon-incompatible',
      'blocks',
      `add-on strict: Strict 1.0.0 ${where}: its project requires 1.28, not 1.29` +
        ' - bring it to 1.1 after the control plane, as none is known for both minors;' +
        ' see https://a.io (of 2026-08-22)',
    ],
  ],
  [
    'requires a newer minor, which the hop comes nearer to',
    running('strict:v9.9.9', { version: '1.2.0' }),
    [
      'addon-incompatible',
      'warns',
      expect.stringContaining('its project requires 1.30 and newer, not 1.29 -') as string,
    ],
  ],
  [
    'recommends another',
    running('advice:1.0.0'),
    [
      'addon-unknown',
      'notes',
      `add-on advice: Advice 1.0.0 ${where}: its project recommends 1.27 to 1.28, not 1.29` +
        ' - see whether a newer release fits; see https://a.io (of 2026-08-22)',
    ],
  ],
  [
    'is to follow, and is too far behind',
    running('proxy:v1.25.16'),
    [
      'addon-incompatible',
      'blocks',
      `add-on proxy: Proxy 1.25.16 ${where}: its project requires 1.25 to 1.28, not 1.29` +
        ' - bring it to 1.28 first; see https://a.io (of 2026-08-22)',
    ],
  ],
  [
    'is to follow, and is ahead',
    running('proxy:v1.30.0'),
    ['addon-incompatible', 'blocks', expect.stringContaining('1.30 to 1.33, not 1.29') as string],
  ],
  [
    'is to follow, and is of another major',
    running('proxy:v2.29.0'),
    ['addon-incompatible', 'blocks', expect.stringContaining('2.29 to 2.32, not 1.29') as string],
  ],
  [
    'should follow at once',
    running('scaler:v1.28.0'),
    [
      'addon-unknown',
      'notes',
      `add-on scaler: Scaler 1.28.0 ${where}: its project recommends 1.28, not 1.29` +
        ' - bring it to 1.29 with the control plane; see https://a.io (of 2026-08-22)',
    ],
  ],
  [
    'says nothing',
    running('dns:v1.11.1'),
    [
      'addon-unknown',
      'notes',
      `add-on dns: DNS 1.11.1 ${where}: whether it fits 1.29 is not known: it is silent` +
        ' - see what its project says: https://a.io (of 2026-08-22)',
    ],
  ],
  [
    'has a release that nobody wrote down',
    running('net/agent:v0.1.0'),
    [
      'addon-unknown',
      'notes',
      `add-on net: Net 0.1.0 ${where}: whether it fits 1.29 is not known:` +
        ' nothing is known of 0.1.0' +
        ' - see what its project says',
    ],
  ],
  [
    'does not tell its release',
    running('net/agent@sha256:ab'),
    [
      'addon-unknown',
      'notes',
      `add-on net: Net ${where}: whether it fits 1.29 is not known:` +
        ' which release it is could not be told - see what its project says',
    ],
  ],
] as const)('an add-on whose project %s is told of', (_, workload, finding) => {
  expect(found([workload])).toEqual([finding]);
});

it('a source without an address is told as it is', () => {
  const hop27 = { ...hop, to: '1.26.0' as KubeVersion };
  const observation = { addons: { workloads: [running('net/agent:v0.9.0')], unlisted: [] } };
  expect(addonFindings({ observation, hop: hop27, known })).toMatchObject([
    { remedy: expect.stringMatching(/; see nowhere$/) as string },
  ]);
});

it('several workloads of one release are one finding, of two releases two', () => {
  const workload = 'DaemonSet kube-system/two';
  const image = 'net/agent:v1.0.1';
  const workloads = [
    running(image, { workload }),
    running(image, { images: [image, image] }),
    running('net/agent:v1.0.2'),
  ];
  const two = '(DaemonSet kube-system/one, DaemonSet kube-system/two)';
  expect(found(workloads).map(([, , text]) => text)).toEqual([
    expect.stringContaining(`Net 1.0.1 ${two}:`) as string,
    expect.stringContaining(`Net 1.0.2 ${where}:`) as string,
  ]);
});

describe('definitions', () => {
  const definition = { name: 'nets.net.io', versions: [], storedVersions: [] };

  it('tell of an add-on whose images nobody knows', () => {
    expect(found([], {}, [definition]).map(([code, , text]) => [code, text])).toEqual([
      ['addon-unknown', expect.stringContaining('Net (nets.net.io): whether it fits') as string],
    ]);
  });

  it('tell nothing of one that is there', () => {
    expect(found([running('net/agent:v1.1.0')], {}, [definition])).toEqual([]);
  });
});

it('says what may not be listed, and which rule allows it', () => {
  const problem = { code: 'forbidden', message: 'listing deployments: no' } as const;
  expect(found([], { unlisted: [{ kind: 'deployments', problem }] })).toEqual([
    [
      'addons-unobserved',
      'warns',
      'cluster: add-ons that are deployments were not looked for: listing deployments: no -' +
        ' allow the worker to list deployments: deploy/rbac/planner.yaml has the rule',
    ],
  ]);
});

describe('files of users', () => {
  const told = (own: AddonsObservation['own'], ...workloads: readonly AddonWorkload[]) => {
    const addons = { workloads, unlisted: [], ...(own === undefined ? {} : { own }) };
    return addonFindings({ observation: { addons }, hop, known }).map(
      ({ code, severity, message, evidence }) => [`${severity} ${code}`, message, evidence],
    );
  };
  const ofFile = { file: 'own.yaml' };
  const net = known.find(({ addon }) => addon === 'net') as Addon;
  const laid = (own: object) => ({ kind: 'read', addons: [{ ...net, ...own } as Addon] }) as const;

  it('are named where it is they that say it', () => {
    const row = { first: '1.1', last: '1.1', ...of('1.26', '1.28'), source, ...ofFile };
    const workload = 'DaemonSet kube-system/one';
    expect(told(laid({ releases: [row] }), running('net/agent:v1.1.0'))).toEqual([
      [
        'warns addon-incompatible',
        `Net 1.1.0 ${where}: own.yaml says that its project tests 1.26 to 1.28, not 1.29`,
        { workloads: [workload], says: '1.26 to 1.28', file: 'own.yaml' },
      ],
    ]);
    const said = { releases: [{ ...row, file: undefined }], statement: 'requires', ...ofFile };
    expect(told(laid(said), running('net/agent:v1.1.0'))).toEqual([
      [
        'blocks addon-incompatible',
        `Net 1.1.0 ${where}: own.yaml says that its project requires 1.26 to 1.28, not 1.29`,
        { workloads: [workload], says: '1.26 to 1.28', file: 'own.yaml' },
      ],
    ]);
    const unknown = { unknown: { why: 'we run a fork', source }, ...ofFile };
    expect(told(laid(unknown), running('net/agent:v1.1.0'))).toEqual([
      [
        'notes addon-unknown',
        `Net 1.1.0 ${where}: whether it fits 1.29 is not known: we run a fork`,
        { file: 'own.yaml' },
      ],
    ]);
  });

  it('take nothing away from the others', () => {
    const proxy = running('proxy:v1.20.0');
    expect(told(laid({ releases: [] }), proxy)).toEqual(told(undefined, proxy));
  });

  it('that have mistakes warn, with all of them, and count for nothing', () => {
    const one = (problems: readonly string[]) =>
      told({ kind: 'unread', problems }, running('net/agent:v1.1.3'));
    expect(one(['own.yaml:1: not YAML'])).toEqual([
      [
        'warns addon-files-unread',
        'your own files of add-ons count for nothing: own.yaml:1: not YAML',
        { problems: ['own.yaml:1: not YAML'] },
      ],
    ]);
    expect(one(['a', 'b', 'c'])).toEqual([
      [
        'warns addon-files-unread',
        'your own files of add-ons count for nothing: a (and 2 more)',
        { problems: ['a', 'b', 'c'] },
      ],
    ]);
  });
});
