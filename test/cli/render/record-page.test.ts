// The page of a change record: what hostile names make of it, and what it needs.

import { renderRecordPage } from '../../../cli/render/record-page';
import { escaped, timeText } from '../../../cli/render/record-html';
import { buildRecord } from '../../../domain/record/build-record';
import type { RecordEvidence } from '../../../domain/record/build-record';
import { recordedTrail, recordEvidence, runningEvidence } from '../../support/record-evidence';

const script = '<script>alert(1)</script>';
const attribute = `" onload="alert(1)" x='`;
const turned = '\u202Eevil\u2066\u200B\u0000';
const hebrew = 'צוות';

function pageOf(evidence: RecordEvidence): string {
  return renderRecordPage(buildRecord(evidence), '0.1.0');
}

/** What of the page people see: the record itself is data for programs. */
function shown(page: string): string {
  return page.slice(0, page.indexOf('<script type="application/json"'));
}

/** Every text of the record, hostile. */
function hostile(text: string): RecordEvidence {
  const poison = (value: unknown, key = ''): unknown => {
    if (typeof value === 'string') {
      const isKept = ['event', 'code', 'severity', 'kind', 'outcome', 'digest', 'schema'];
      return isKept.includes(key) ? value : `${value}${text}`;
    }
    if (Array.isArray(value)) return value.map((one) => poison(one, key));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, poison(one, name)]),
    );
  };
  return poison(recordEvidence) as RecordEvidence;
}

describe('the page of a record', () => {
  it.each([script, attribute, '</title>', '-->', '&lt;b&gt;', ']]>'])(
    'has no markup of a name such as %s',
    (text) => {
      const page = pageOf(hostile(text));
      const plain = shown(pageOf(hostile('x'.repeat(text.length))));
      const tags = (html: string) => html.match(/<[a-z/!][^>]*>/g)?.map((tag) => tag.slice(0, 8));
      expect(tags(shown(page))).toEqual(tags(plain));
      expect(shown(page)).toContain(escaped(text));
      expect(page.match(/<\/script>/g)).toHaveLength(1);
    },
  );

  it('shows what would turn a text around, or would not be seen, by its code point', () => {
    expect(escaped(turned)).toBe('[U+202E]evil[U+2066][U+200B][U+0000]');
    expect(escaped('\uD800 \u2028\n\t')).toBe('[U+D800] [U+2028]\n\t');
    expect(escaped(hebrew)).toBe(hebrew);
    const page = pageOf(hostile(turned));
    expect(shown(page)).not.toContain('\u202E');
  });

  it('runs nothing and loads nothing', () => {
    const page = pageOf(recordEvidence);
    expect(page).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src` +
        ` 'unsafe-inline'">`,
    );
    expect(shown(page)).not.toMatch(/<script|<link|<img|<iframe|@import|url\((?!#)|https?:/);
    expect(shown(page)).not.toMatch(/ on[a-z]+=/);
  });

  it('has a picture with a title, and with words for who does not see it', () => {
    const page = shown(pageOf(recordEvidence));
    const words = /<desc id="picture-text">([^<]*)<\/desc>/.exec(page)?.[1];
    expect(page).toContain('<svg role="img" aria-labelledby="picture-title picture-text"');
    expect(words).toBe(
      'From 2026-11-18 08:00:00 to 2026-11-20 08:35:00 UTC, 2 d.' +
        ' 7 numbered requests and decisions.' +
        ' hop-1.29: preflight 4 s, snapshot 21 s, api-server cp-1 42 s, api-server cp-2 40 s,' +
        ' api-server cp-3 43 s, controllers cp-2 9 s, pool workers 2 h, verify 6 s, soak 1 h.' +
        ' hop-1.30: preflight 5 min, snapshot 22 s, api-server cp-1 44 s,' +
        ' pool workers 5 min 40 s,' +
        ' rollback look 1 s, rollback pool workers 3 min 10 s, rollback restore 44 s,' +
        ' rollback verify 8 s.' +
        ' Waited at gates: approve/hop-1.30 1 d 20 h, hop-1.30/preflight 4 min,' +
        ' node/worker-2 6 min.' +
        ' Paused: by grace 1 h 40 min.',
    );
  });

  it('numbers decisions in the picture as in the table', () => {
    const page = shown(pageOf(recordEvidence));
    const marks = [...page.matchAll(/text-anchor="middle">(\d+)</g)].map(([, number]) => number);
    expect(marks).toEqual(['1', '2', '3', '4', '5', '6', '7']);
  });

  it('says that an upgrade is not finished, and what is missing', () => {
    const finished = shown(pageOf(recordEvidence));
    expect(finished).toContain('Nothing that a record tells is missing');
    expect(finished).not.toContain('This record is not finished');
    const page = shown(pageOf({ ...runningEvidence, looks: [] }));
    expect(page).toContain('<strong>This record is not finished.</strong>');
    expect(page).toContain('<h3>hop-1.30: under way</h3>');
    expect(page).toContain('what the preflight of hop-1.29 found');
  });

  it('stands with nothing in it', () => {
    const { from: _from, to: _to, result: _none, ...status } = recordEvidence.status;
    const page = pageOf({
      upgrade: 'u',
      status: { ...status, hops: [] },
      closed: 'terminated',
      trails: [],
      plans: [],
      requests: [],
      steps: [],
      looks: [],
      unread: [],
    });
    expect(page.match(/<p class="none">None\.<\/p>/g)).toHaveLength(8);
    expect(page).toContain('no plan');
  });

  it('keeps a time that no calendar has', () => {
    expect(timeText(1e300)).toBe('1e+300');
    const [asked] = recordedTrail;
    const odd = { ...(asked as (typeof recordedTrail)[number]), atMs: 1e300 };
    expect(() => pageOf({ ...recordEvidence, trails: [[odd]] })).not.toThrow();
  });
});
