// The forms of a preflight for other programs and for a browser: whole, and with hostile names.

import { junitText } from '../../../cli/render/junit';
import type { PreflightReport } from '../../../cli/render/preflight';
import { renderPreflight, renderPreflightTable } from '../../../cli/render/preflight';
import { preflightSuites } from '../../../cli/render/preflight-junit';
import { renderPreflightPage } from '../../../cli/render/preflight-page';
import { preflightSarif } from '../../../cli/render/preflight-sarif';
import { escaped } from '../../../cli/render/record-html';
import { plainStyle } from '../../../cli/render/style';
import type { Finding } from '../../../domain/preflight/findings';
import { nodeName, version } from '../../support/builders';

const notReady: Finding = {
  code: 'node-not-ready',
  severity: 'blocks',
  object: { kind: 'node', name: nodeName('web-2') },
  message: 'it is not Ready',
  remedy: 'look at its kubelet',
};
const inUse: Finding = {
  code: 'removed-api-used',
  severity: 'warns',
  object: { kind: 'api', name: 'a.io/v1beta1 things' },
  message: 'somebody has asked for it: gone in 1.30',
  remedy: 'have clients use a.io/v1',
  evidence: { removedIn: '1.30' },
};
const unknown: Finding = {
  code: 'addon-unknown',
  severity: 'notes',
  object: { kind: 'addon', name: 'net' },
  message: 'whether it fits is not known',
  remedy: 'see what its project says',
  about: '1.0',
};

const hops = [
  { from: version('1.28.15'), to: version('1.29.15'), findings: [notReady, unknown] },
  { from: version('1.29.15'), to: version('1.30.14'), findings: [inUse] },
  { from: version('1.30.14'), to: version('1.31.14'), findings: [] },
];
const report: PreflightReport = {
  cluster: 'prod',
  observedAt: '2026-11-21T04:00:00Z',
  hops,
};
const clear: PreflightReport = { ...report, hops: hops.slice(2), only: ['flag-removed'] };

/** As somebody might have called a node, an add-on or an API. */
const hostile =
  `<script>alert(1)</script>" onload='x' [win](http://evil)` + '\u202E\u0000\uFFFF]]>&amp;';

function withHostile(text: string): PreflightReport {
  const findings = [
    { ...notReady, object: { ...notReady.object, name: text } as Finding['object'] },
    { ...inUse, message: text, remedy: text },
    { ...unknown, about: text },
  ];
  return {
    ...report,
    cluster: text,
    hops: [{ from: version('1.28.15'), to: version('1.29.15'), findings }],
  };
}

const why = {
  node: 'pods of drained nodes need places, and the pool may stop at this one',
  api: 'API servers of 1.30 answer such requests with 404',
  addon: 'what could not be looked at may stop the hop all the same',
};

describe('for people', () => {
  it('names hops that have something, and counts', () => {
    expect(renderPreflight(report, plainStyle, 100)).toEqual([
      'Preflight of cluster prod for 1.28.15 → 1.29.15 → 1.30.14 → 1.31.14',
      '',
      '1.28.15 → 1.29.15',
      'blocks  node-not-ready  node web-2',
      '        it is not Ready',
      '        → look at its kubelet',
      'notes   addon-unknown  add-on net',
      '        whether it fits is not known',
      '        → see what its project says',
      '',
      '1.29.15 → 1.30.14',
      'warns   removed-api-used  API a.io/v1beta1 things',
      '        somebody has asked for it: gone in 1.30',
      '        → have clients use a.io/v1',
      '',
      '1 blocking, 1 warning, 1 to note',
    ]);
  });

  it('says of which checks it tells, and that nothing was found', () => {
    expect(renderPreflight(clear, plainStyle, 100)).toEqual([
      'Preflight of cluster prod for 1.30.14 → 1.31.14',
      'only flag-removed',
      '',
      'nothing was found',
    ]);
  });

  it('has one line for each in a table', () => {
    expect(renderPreflightTable(report)).toEqual([
      'HOP   SEVERITY  CHECK             OBJECT                   FOUND',
      '1.29  blocks    node-not-ready    node web-2               it is not Ready',
      '1.29  notes     addon-unknown     add-on net               whether it fits is not known',
      '1.30  warns     removed-api-used  API a.io/v1beta1 things' +
        '  somebody has asked for it: gone in 1.30',
    ]);
  });
});

describe('SARIF', () => {
  const locations = (name: string, fullyQualifiedName: string) => [
    { logicalLocations: [{ name, fullyQualifiedName, kind: 'resource' }] },
  ];

  it('has a result of each finding, with where it stands in the cluster', () => {
    expect(preflightSarif({ ...report, hops: hops.slice(1) }, '0.1.0')).toEqual({
      $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
      version: '2.1.0',
      runs: [
        {
          tool: {
            driver: {
              name: 'ascent preflight',
              version: '0.1.0',
              rules: [{ id: 'removed-api-used', shortDescription: { text: why.api } }],
            },
          },
          results: [
            {
              ruleId: 'removed-api-used',
              level: 'warning',
              message: {
                text:
                  'API a.io/v1beta1 things: somebody has asked for it: gone in 1.30:' +
                  ` ${why.api} - have clients use a.io/v1`,
              },
              locations: locations('API a.io/v1beta1 things', 'prod/api/a.io/v1beta1 things'),
              partialFingerprints: {
                'ascentFinding/v1': '1.30 removed-api-used:api/a.io/v1beta1_things',
                'ascentEvidence/v1': expect.stringMatching(/^[0-9a-f]{64}$/) as string,
              },
              properties: { hop: { from: '1.29.15', to: '1.30.14' } },
            },
          ],
        },
      ],
    });
  });

  it('names each check once, in order', () => {
    const [run] = preflightSarif({ ...report, hops: [...hops, ...hops] }, '0.1.0').runs;
    expect(run?.tool.driver.rules.map(({ id }) => id)).toEqual([
      'addon-unknown',
      'node-not-ready',
      'removed-api-used',
    ]);
  });

  it('has no link, and nothing unseen, of a name', () => {
    const log = preflightSarif(withHostile(hostile), '0.1.0');
    expect(JSON.stringify(log)).not.toMatch(/\u202E|\uFFFF|\\u0000/);
    const texts = JSON.stringify(log, ['runs', 'results', 'message', 'text']);
    expect(texts).not.toContain('](');
    expect(texts).toContain('[win] (http://evil)[U+202E][U+0000][U+FFFF]');
  });
});

describe('JUnit', () => {
  it('has a suite for each hop; what fails is what was asked for', () => {
    expect(junitText(preflightSuites(report, 'blocks')).split('\n')).toEqual([
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<testsuites tests="4" failures="1">',
      '  <testsuite name="ascent preflight prod 1.28.15 → 1.29.15" tests="2" failures="1">',
      '    <testcase classname="ascent.preflight.node-not-ready" name="node-not-ready:node/web-2">',
      `      <failure type="node-not-ready" message="node web-2: it is not Ready: ${why.node}` +
        ' - look at its kubelet"/>',
      '    </testcase>',
      '    <testcase classname="ascent.preflight.addon-unknown"' +
        ' name="addon-unknown:addon/net:1.0">',
      `      <system-out>notes: add-on net: whether it fits is not known: ${why.addon}` +
        ' - see what its project says</system-out>',
      '    </testcase>',
      '  </testsuite>',
      '  <testsuite name="ascent preflight prod 1.29.15 → 1.30.14" tests="1" failures="0">',
      '    <testcase classname="ascent.preflight.removed-api-used"' +
        ' name="removed-api-used:api/a.io/v1beta1_things">',
      '      <system-out>warns: API a.io/v1beta1 things: somebody has asked for it:' +
        ` gone in 1.30: ${why.api} - have clients use a.io/v1</system-out>`,
      '    </testcase>',
      '  </testsuite>',
      '  <testsuite name="ascent preflight prod 1.30.14 → 1.31.14" tests="1" failures="0">',
      '    <testcase classname="ascent.preflight" name="cluster prod"/>',
      '  </testsuite>',
      '</testsuites>',
      '',
    ]);
    const failures = (failOn: Finding['severity']) =>
      /failures="(\d)"/.exec(junitText(preflightSuites(report, failOn)))?.[1];
    expect([failures('warns'), failures('notes')]).toEqual(['2', '3']);
  });

  it('has no markup of a name, nor what XML cannot hold', () => {
    const tags = (xml: string) => xml.match(/<[^>]*?(?=[ >/])/g);
    const xml = junitText(preflightSuites(withHostile(`${hostile}\n\tend`), 'warns'));
    expect(tags(xml)).toEqual(tags(junitText(preflightSuites(withHostile('plain'), 'warns'))));
    expect(xml).toContain(escaped(`${hostile}  end`));
    expect(xml).not.toMatch(/(?!\n)\p{Cc}|[\uFFFE\uFFFF\u202E]/u);
  });
});

describe('the page', () => {
  const page = renderPreflightPage(report, '0.1.0');

  it('has each hop with its findings, why they matter, and what makes them known again', () => {
    expect(page.slice(page.indexOf('<body>'))).toBe(
      [
        '<body>',
        '<header>',
        '<h1>prod <span class="state bad">blocked</span></h1>',
        '<p>Preflight for 1.28.15 → 1.29.15 → 1.30.14 → 1.31.14.</p>',
        '<dl class="facts">',
        '<dt>Looked at</dt><dd>2026-11-21T04:00:00Z</dd>',
        '<dt>Found</dt><dd>1 blocking, 1 warning, 1 to note</dd>',
        '</dl>',
        '<p class="soft">All hops are held against the cluster as it was then. What is about its' +
          ' state stands at the first hop only; each hop is looked at again before it begins.</p>',
        '</header>',
        '<main>',
        ...hop('hop-1', '1.28.15 → 1.29.15', '1 blocking, 0 warning, 1 to note', [
          '<tr><td><strong class="bad">blocks</strong></td><td><code>node-not-ready</code></td>' +
            '<td>node web-2</td>' +
            `<td>it is not Ready<br><span class="soft">${why.node}</span></td>` +
            '<td>look at its kubelet<br>' +
            '<code class="soft">node-not-ready:node/web-2</code></td></tr>',
          '<tr><td><strong class="soft">notes</strong></td><td><code>addon-unknown</code></td>' +
            '<td>add-on net</td>' +
            `<td>whether it fits is not known<br><span class="soft">${why.addon}</span></td>` +
            '<td>see what its project says<br>' +
            '<code class="soft">addon-unknown:addon/net:1.0</code></td></tr>',
        ]),
        ...hop('hop-2', '1.29.15 → 1.30.14', '0 blocking, 1 warning, 0 to note', [
          '<tr><td><strong class="wait">warns</strong></td><td><code>removed-api-used</code></td>' +
            '<td>API a.io/v1beta1 things</td>' +
            '<td>somebody has asked for it: gone in 1.30<br>' +
            `<span class="soft">${why.api}</span></td>` +
            '<td>have clients use a.io/v1<br>' +
            '<code class="soft">removed-api-used:api/a.io/v1beta1_things</code></td></tr>',
        ]),
        '<section aria-labelledby="hop-3">',
        '<h2 id="hop-3">1.30.14 → 1.31.14</h2>',
        '<p class="none">None.</p>',
        '</section>',
        '</main>',
        '</body>',
        '</html>',
        '',
      ].join('\n'),
    );
  });

  function hop(id: string, title: string, caption: string, rows: readonly string[]) {
    return [
      `<section aria-labelledby="${id}">`,
      `<h2 id="${id}">${title}</h2>`,
      `<div class="scroll" role="region" tabindex="0" aria-label="${caption}">`,
      '<table>',
      `<caption>${caption}</caption>`,
      '<thead><tr><th scope="col">Severity</th><th scope="col">Check</th>' +
        '<th scope="col">Object</th><th scope="col">Found</th>' +
        '<th scope="col">What to do</th></tr></thead>',
      '<tbody>',
      ...rows,
      '</tbody>',
      '</table>',
      '</div>',
      '</section>',
    ];
  }

  it('says when nothing blocks, and which checks it is about', () => {
    const calm = renderPreflightPage(clear, '0.1.0');
    expect(calm).toContain('<span class="state good">clear</span>');
    expect(calm).toContain('<dt>Only</dt><dd>flag-removed</dd>');
  });

  it('runs nothing and loads nothing', () => {
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\((?!#)|https?:/);
  });

  it('has no markup of a name', () => {
    const tags = (html: string) => html.match(/<[a-z/!][^>]*>/g)?.map((tag) => tag.slice(0, 8));
    const bad = renderPreflightPage(withHostile(hostile), '0.1.0');
    expect(tags(bad)).toEqual(tags(renderPreflightPage(withHostile('plain'), '0.1.0')));
    expect(bad).toContain(escaped(hostile));
    expect(bad).not.toMatch(/[\u202E\uFFFF]/);
  });
});
