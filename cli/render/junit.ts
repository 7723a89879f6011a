// JUnit reports, which CI servers show: what blocks has failed, the rest is told beside.

import type { ScanFinding } from '../../domain/scan/scan-findings';
import { escaped } from './record-html';
import type { ScanReport } from './scan';
import { placeText, thingText } from './scan';
import { ruleText } from './sarif';

/** Texts are as they were written by anybody: they are escaped here. */
export interface JunitCase {
  readonly classname: string;
  readonly name: string;
  readonly end?:
    | { readonly kind: 'failure'; readonly type: string; readonly text: string }
    | { readonly kind: 'told'; readonly text: string };
}

export interface JunitSuite {
  readonly name: string;
  readonly cases: readonly JunitCase[];
}

export function junitText(suites: readonly JunitSuite[]): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${countsOf(suites.flatMap(({ cases }) => cases))}>`,
    ...suites.flatMap(({ name, cases }) => [
      `  <testsuite name="${oneLine(name)}" ${countsOf(cases)}>`,
      ...cases.flatMap(caseLines),
      '  </testsuite>',
    ]),
    '</testsuites>',
    '',
  ].join('\n');
}

function countsOf(cases: readonly JunitCase[]): string {
  const failures = cases.filter(({ end }) => end?.kind === 'failure').length;
  return `tests="${cases.length}" failures="${failures}"`;
}

function caseLines({ classname, name, end }: JunitCase): readonly string[] {
  const head = `    <testcase classname="${oneLine(classname)}" name="${oneLine(name)}"`;
  if (end === undefined) return [`${head}/>`];
  const text = oneLine(end.text);
  const body =
    end.kind === 'failure'
      ? `      <failure type="${oneLine(end.type)}" message="${text}"/>`
      : `      <system-out>${text}</system-out>`;
  return [`${head}>`, body, '    </testcase>'];
}

/** Readers of XML make spaces of the line ends in attributes anyway. */
function oneLine(text: string): string {
  return escaped(text.replaceAll(/[\n\t]/g, ' '));
}

/** A test of each finding; one that has passed when nothing was found, so that a run shows. */
export function scanSuite({ target, findings }: ScanReport): JunitSuite {
  const cases = findings.map(scanCase);
  const passed = { classname: 'ascent.scan', name: target };
  return { name: 'ascent scan', cases: cases.length === 0 ? [passed] : cases };
}

function scanCase({ check, severity, object, evidence, why, remedy }: ScanFinding): JunitCase {
  const name = [placeText(object), thingText(object)].filter((part) => part !== '').join(' ');
  const text = `${evidence}: ${why} - ${remedy}`;
  return {
    classname: `ascent.scan.${check}`,
    name: name === '' ? ruleText(check) : name,
    end:
      severity === 'blocks'
        ? { kind: 'failure', type: check, text }
        : { kind: 'told', text: `${severity}: ${text}` },
  };
}
