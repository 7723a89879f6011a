// Findings of `scan` as a JUnit report, which CI servers show: what blocks has failed, the rest is
// told beside.

import type { ScanFinding } from '../../domain/scan/scan-findings';
import type { ScanReport } from './scan';
import { placeText, thingText } from './scan';
import { ruleText } from './sarif';

/** A test of each finding; one that has passed when nothing was found, so that a run shows. */
export function junitText({ target, findings }: ScanReport): string {
  const failures = findings.filter(({ severity }) => severity === 'blocks').length;
  const cases =
    findings.length === 0
      ? [`    <testcase classname="ascent.scan" name="${escaped(target)}"/>`]
      : findings.flatMap(caseLines);
  const tests = Math.max(1, findings.length);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${tests}" failures="${failures}">`,
    `  <testsuite name="ascent scan" tests="${tests}" failures="${failures}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function caseLines(finding: ScanFinding): readonly string[] {
  const { check, severity, object, evidence, why, remedy } = finding;
  const name = [placeText(object), thingText(object)].filter((part) => part !== '').join(' ');
  const head =
    `    <testcase classname="ascent.scan.${check}"` +
    ` name="${escaped(name === '' ? ruleText(check) : name)}">`;
  const text = escaped(`${evidence}: ${why} - ${remedy}`);
  const body =
    severity === 'blocks'
      ? `      <failure type="${check}" message="${text}"/>`
      : `      <system-out>${severity}: ${text}</system-out>`;
  return [head, body, '    </testcase>'];
}

/** XML 1.0 has no way to write most control characters. */
function escaped(text: string): string {
  return text
    .replaceAll(/\p{Cc}/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
