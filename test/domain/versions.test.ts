import {
  compareMinors,
  compareVersions,
  isSameMajor,
  minorOf,
  minorsBetween,
  newest,
  nextMinor,
  oldest,
  parseMinor,
  parseVersion,
  programsText,
  servedMinor,
} from '../../domain/versions';
import { minor, version } from '../support/builders';

describe('versions', () => {
  it.each([
    { text: '1.29.15', parsed: '1.29.15' },
    { text: 'v1.29.15', parsed: '1.29.15' },
    { text: ' v1.29.15-eks-1 ', parsed: '1.29.15' },
    { text: '1.29.15+k3s1', parsed: '1.29.15' },
    { text: '1.029.15', parsed: '1.29.15' },
    { text: '1.29', parsed: undefined },
    { text: 'vv1.29.15', parsed: undefined },
    { text: 'latest', parsed: undefined },
  ])('read $text as $parsed', ({ text, parsed }) => {
    expect(parseVersion(text)).toBe(parsed);
  });

  it.each([
    { text: '1.29', parsed: '1.29' },
    { text: 'v1.29', parsed: '1.29' },
    { text: '1.29.15', parsed: undefined },
    { text: '1', parsed: undefined },
  ])('read the minor $text as $parsed', ({ text, parsed }) => {
    expect(parseMinor(text)).toBe(parsed);
  });

  it('are ordered by number, not by letter', () => {
    const versions = ['1.10.0', '1.9.11', '2.0.0', '1.9.2'].map(version);
    expect(versions.toSorted(compareVersions)).toEqual(['1.9.2', '1.9.11', '1.10.0', '2.0.0']);
    expect(compareMinors(minor('1.9'), minor('1.10'))).toBeLessThan(0);
    expect(compareMinors(minor('1.9'), minor('1.9'))).toBe(0);
  });

  it('know their oldest and newest', () => {
    const versions = [version('1.29.3'), version('1.28.15'), version('1.30.0')] as const;
    expect([oldest([...versions]), newest([...versions])]).toEqual(['1.28.15', '1.30.0']);
  });

  it('know their minors', () => {
    expect(minorOf(version('1.29.15'))).toBe('1.29');
    expect(nextMinor(minor('1.29'))).toBe('1.30');
    expect(minorsBetween(version('1.28.15'), version('1.31.0'))).toBe(3);
    expect(minorsBetween(version('1.31.0'), version('1.28.15'))).toBe(-3);
    expect(isSameMajor(version('1.28.15'), version('1.31.0'))).toBe(true);
    expect(isSameMajor(version('1.28.15'), version('2.28.15'))).toBe(false);
  });
});

it('programs serve as their own minor unless they emulate another one', () => {
  const own = { version: version('1.32.5') };
  const emulating = { ...own, emulates: minor('1.31') };
  expect([own, emulating].map(servedMinor)).toEqual(['1.32', '1.31']);
  expect([own, emulating].map(programsText)).toEqual(['1.32.5', '1.32.5 (emulating 1.31)']);
});
