// What ends by itself, held against the planned end of the path: the support of its last minor, and
// what API servers trust webhooks by.

import type {
  AdmissionWebhookObservation,
  ApiExtensionsObservation,
  TrustObservation,
} from '../../../domain/api-extensions';
import type { MinorKnowledge } from '../../../domain/knowledge/knowledge';
import { evaluatePreflight } from '../../../domain/preflight/preflight';
import type { PlannedTime } from '../../../domain/preflight/preflight-cluster';
import { supportFindings } from '../../../domain/preflight/preflight-support';
import { trustFindings } from '../../../domain/preflight/preflight-trust';
import { findingObjectText } from '../../../domain/status/sentences';
import { aCluster, version } from '../../support/builders';

const dayMs = 86_400_000;
const hop = { from: version('1.34.5'), to: version('1.35.2') };

describe('the support of the minor that the path ends at', () => {
  const observation = { observedAt: '2026-11-21T04:00:00Z' };
  const ending = (ends: string | undefined): MinorKnowledge => ({
    schema: 'ascent.knowledge/v1',
    minor: '1.36' as never,
    sources: { release: 'https://example.com/1.36' },
    known: ['support'],
    support: { released: '2026-04-22', ...(ends === undefined ? {} : { ends }), source: 'release' },
  });
  const path: PlannedTime = { hopMs: dayMs, pathMs: 9.5 * dayMs, pathTo: version('1.36.1') };
  const found = (ends: string | undefined, planned: PlannedTime | undefined = path) =>
    supportFindings({ observation, known: [ending(ends)], ...(planned && { planned }) });

  it.each([
    ['2026-11-20', -1, 'ended on 2026-11-20'],
    [
      '2026-11-21',
      0,
      'ends on 2026-11-21, before the path does: the path takes 9 d 12 h as planned',
    ],
    [
      '2026-12-01',
      10,
      'ends on 2026-12-01, 0 days after the path: the path takes 9 d 12 h as planned',
    ],
    [
      '2027-01-30',
      70,
      'ends on 2027-01-30, 60 days after the path: the path takes 9 d 12 h as planned',
    ],
  ])('that ends on %s is a note', (ends, daysLeft, when) => {
    expect(found(ends)).toEqual([
      {
        code: 'support-ends',
        severity: 'notes',
        object: { kind: 'cluster' },
        message: `support of 1.36, where the path ends, ${when}`,
        remedy:
          'let the path go on to a newer minor, or plan the next path;' +
          ' see https://example.com/1.36',
        about: '1.36',
        evidence: { minor: '1.36', ends },
        figures: { daysLeft },
      },
    ]);
  });

  it('is no finding when it goes on for long enough, or no path is planned', () => {
    expect(found('2027-01-31')).toEqual([]);
    expect(found('2026-11-20', { hopMs: 0, pathMs: 0 })).toEqual([]);
    expect(supportFindings({ observation })).toEqual([]);
  });

  it('is told when it is not known, with the reason', () => {
    const unknown = (known: readonly MinorKnowledge[]) =>
      supportFindings({ observation, planned: path, known }).map(({ code, severity, message }) =>
        [severity, code, message].join(' '),
      );
    const said =
      'notes support-unknown when support of 1.36, where the path ends, is over is not known:';
    expect(unknown([])).toEqual([`${said} the catalogue has no file of this minor`]);
    expect(unknown([ending(undefined)])).toEqual([`${said} its file names no day`]);
  });

  it('is read from the catalogue that ships', () => {
    const facts = { observation: aCluster().observation(), hop: { ...hop } };
    const codes = (to: string) =>
      evaluatePreflight({ ...facts, planned: { ...path, pathTo: version(to) } })
        .findings.filter(({ code }) => code.startsWith('support'))
        .map(({ code, about, evidence }) => [code, about, evidence]);
    expect(codes('1.32.13')).toEqual([
      ['support-ends', '1.32', { minor: '1.32', ends: '2026-02-28' }],
    ]);
    expect(codes('1.36.1')).toEqual([]);
  });
});

describe('a caBundle', () => {
  const nothing: ApiExtensionsObservation = {
    admission: { kind: 'observed', items: [] },
    conversion: { kind: 'observed', items: [] },
    aggregated: { kind: 'observed', items: [] },
  };
  const ends = (days: number): TrustObservation => ({
    kind: 'read',
    expiresAt: '2026-12-01T04:00:00.000Z',
    expiresInSeconds: (days * dayMs) / 1_000,
  });
  const backend = { kind: 'url', host: 'policy.example.com' } as const;
  const webhook: AdmissionWebhookObservation = {
    kind: 'validating',
    name: 'policy/pods.example.com',
    failurePolicy: 'Fail',
    timeoutSeconds: 10,
    guards: ['create-pods'],
    guardsItself: false,
    isConditional: false,
    backend,
  };
  const planned = { hopMs: 2 * dayMs, pathMs: 9 * dayMs };
  const found = (extensions: ApiExtensionsObservation, time: PlannedTime | undefined = planned) =>
    trustFindings({ observation: { extensions }, ...(time && { planned: time }) });
  const ofWebhook = (
    trust: TrustObservation,
    other: Partial<AdmissionWebhookObservation> = {},
  ): ApiExtensionsObservation => ({
    ...nothing,
    admission: { kind: 'observed', items: [{ ...webhook, ...other, trust }, webhook] },
  });

  it.each([
    [-1, 'blocks', 'has expired'],
    [1, 'warns', 'expires in 1 d: the hop takes 2 d as planned'],
    [8, 'notes', 'expires in 8 d: the path takes 9 d as planned'],
  ])('whose last authority ends in %s days %s', (days, severity, when) => {
    expect(found(ofWebhook(ends(days)))).toEqual([
      {
        code: 'extension-trust-ends',
        severity,
        object: { kind: 'webhook', name: 'policy/pods.example.com' },
        message: `the last authority in its caBundle ${when} (2026-12-01T04:00:00.000Z)`,
        remedy: 'see that what made it (cert-manager, its own program) renews it in time',
        evidence: { expiresAt: '2026-12-01T04:00:00.000Z' },
        figures: { secondsLeft: (days * dayMs) / 1_000 },
      },
    ]);
  });

  it('is no finding when it outlasts the path, or nobody looked', () => {
    expect(found(ofWebhook(ends(10)))).toEqual([]);
    expect(trustFindings({ observation: {} })).toEqual([]);
    expect(trustFindings({ observation: { extensions: ofWebhook(ends(1)) } })).toEqual([]);
    const seen = { kind: 'unobserved', problem: { code: 'forbidden', message: 'no' } } as const;
    expect(found({ admission: seen, conversion: seen, aggregated: seen })).toEqual([]);
  });

  it.each<[string, Partial<AdmissionWebhookObservation>]>([
    ['it may be passed over', { failurePolicy: 'Ignore' }],
    ['nothing of an upgrade is its business', { guards: [] }],
    ['its conditions may spare what an upgrade needs', { isConditional: true }],
  ])('that is over warns when %s', (_why, other) => {
    expect(found(ofWebhook(ends(-1), other)).map(({ severity }) => severity)).toEqual(['warns']);
  });

  it('that cannot be read counts as one that is over', () => {
    expect(found(ofWebhook({ kind: 'unreadable' }))).toEqual([
      {
        code: 'extension-trust-ends',
        severity: 'blocks',
        object: { kind: 'webhook', name: 'policy/pods.example.com' },
        message: 'its caBundle holds no certificate that can be read',
        remedy: 'put the authority of its certificate there, as PEM',
        evidence: { caBundle: 'unreadable' },
      },
    ]);
  });

  it('of a conversion and of an aggregated API warns once it is over', () => {
    const trust = ends(-1);
    const extensions: ApiExtensionsObservation = {
      ...nothing,
      conversion: {
        kind: 'observed',
        items: [{ name: 'hooks.example.com', storedVersions: ['v1'], backend, trust }],
      },
      aggregated: {
        kind: 'observed',
        items: [{ name: 'v1.away.example.com', trust }, { name: 'v1.other.example.com' }],
      },
    };
    const facts = { observation: aCluster().with({ extensions }).observation(), hop, planned };
    const findings = evaluatePreflight(facts).findings.filter(
      ({ code }) => code === 'extension-trust-ends',
    );
    expect(
      findings.map(({ severity, object }) => `${severity} ${findingObjectText(object)}`),
    ).toEqual([
      'warns APIService v1.away.example.com',
      'warns CustomResourceDefinition hooks.example.com',
    ]);
  });
});
